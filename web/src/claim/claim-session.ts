// Taking a shared device, as the page does it: reads what the link offers, makes account, key and owner log where they
// are missing, claims, and lets go again. What is signed is in claim-steps.ts.
import {
  admitBrowserByWords,
  beginBrowserLog,
  trustMachineByWords,
} from "../../../src/identity/browser-log.ts";
import type { Crypto } from "../../../src/identity/crypto.ts";
import type { Participant } from "../../../src/identity/owner-log-state.ts";
import { appendEntry, type OwnerLog } from "../../../src/identity/owner-log.ts";
import { recoverySigner } from "../../../src/identity/recovery-words.ts";
import { makeInvite } from "../../../src/identity/setup-token.ts";
import { toBase64Url } from "../../../src/protocol/bytes.ts";
import type { ClaimOffer, ClaimRequest, ClaimResponse } from "../../../src/protocol/claim-api.ts";
import { MusterError, publicError } from "../../../src/protocol/errors.ts";
import { deviceIdOf } from "../../../src/protocol/ids.ts";
import { installLine } from "../../../src/protocol/install-line.ts";
import type { OwnerLogEntry } from "../../../src/protocol/owner-log.ts";
import type { Timers } from "../../../src/world/world.ts";
import type { BrowserIdentity } from "../platform/key-chain.ts";
import type { FleetLink } from "../session/fleet-link.ts";
import type { ShareToken } from "../session/share-link.ts";
import type { PageState } from "../state/page-state.ts";
import type { Store } from "../state/store.ts";
import { askOffer, fetchHub, fetchSharedLog, sendClaim } from "./claim-calls.ts";
import type { ClaimState, Taken } from "./claim-state.ts";
import { claimKeyOf, pinIn, signClaim } from "./claim-steps.ts";

export type WayBack = { by: "passkey" } | { by: "password"; password: string };

export interface MachineInvite {
  /** What to run on it. */
  line: string;
  hubUrl: string;
  /** ISO 8601. */
  expiresAt: string;
}

export interface Claims {
  /** The whole link, for a command that takes it elsewhere. */
  link(): string;
  /** Reads the offer again. */
  look(): void;
  /** Whoever has no account here gets one with it. */
  takeAsNewcomer(name: string, way: WayBack): Promise<void>;
  /** Into the owner log that this browser commands by. */
  take(): Promise<void>;
  /** Into a new owner log of the same account: this browser forgets its key and all that hangs on it. */
  takeAnew(): Promise<void>;
  /** Lets this browser command for thirty days. */
  renew(words: string): Promise<void>;
  letGo(deviceId: string): Promise<void>;
  /** A token for a first machine, by the words. It is shown once. */
  inviteMachine(words: string): Promise<MachineInvite>;
  /** Makes a machine the keeper of the owner log, in the place of the words. */
  trustMachine(words: string, deviceId: string): Promise<void>;
  addPasskey(): Promise<void>;
  /** The words were written down, or there were none. */
  done(): void;
}

export interface ClaimSessionOptions {
  store: Store<PageState>;
  crypto: Crypto;
  timers: Pick<Timers, "after">;
  nowMs(): number;
  origin: string;
  identity(): BrowserIdentity | undefined;
  /** Makes a key if there is none. */
  become(): Promise<BrowserIdentity>;
  /** Another key, and nothing of what hung on the one before. */
  becomeAnother(): Promise<BrowserIdentity>;
  link(): FleetLink | undefined;
  /** Begins the session of whom the hub has just signed in; with the next log that lets this browser in. */
  enterSignedIn(): Promise<void>;
  addPasskey(): Promise<void>;
  /** To the fleet; by a whole new start where this browser is another one now. */
  leave(anew: boolean): void;
}

const INVITE_MS = 15 * 60_000;
/** Others may write at the same time; then all is fetched and signed anew. */
const TRIES_MAX = 5;

export interface ClaimSession extends Claims {
  /** A link was opened. */
  opened(token: ShareToken | "malformed"): void;
}

export function openClaims(options: ClaimSessionOptions): ClaimSession {
  const { store, crypto } = options;
  let token: ShareToken | undefined;
  /** Where machines find this hub. */
  let { origin: hubUrl } = options;
  /** Begun and not known to the hub for sure: a second try goes on with it. */
  let begun: { log: OwnerLog; words: readonly string[]; key: string } | undefined;

  const show = (claim: ClaimState): void => store.set({ claim });

  const look = (): void => {
    if (token === undefined) return;
    show({ at: "reading" });
    Promise.all([askOffer(claimKeyOf(crypto, token)), fetchHub()]).then(
      ([offer, { url }]) => {
        hubUrl = url;
        show(shownOffer(offer));
      },
      (error: unknown) => show(shownProblem(publicError(error))),
    );
  };

  const demandToken = (): ShareToken => {
    if (token === undefined) throw new MusterError("unavailable", "no link was opened here");
    return token;
  };

  const claim = async (given: {
    identity: BrowserIdentity;
    own: OwnerLog;
    known: number;
    name: string;
    newcomer?: NonNullable<ClaimRequest["newcomer"]>;
  }): Promise<ClaimResponse> => {
    const { identity, own, known, name, newcomer } = given;
    const secret = demandToken();
    const { key: hubKey } = await fetchHub();
    for (let tries = 1; ; tries++) {
      const shared = await fetchSharedLog(pinIn(secret));
      const wish = { token: secret, shared, hubKey, own, known, signer: identity.signer, name };
      const signed = await signClaim(crypto, wish);
      try {
        return await sendClaim({ ...signed, ...(newcomer === undefined ? {} : { newcomer }) });
      } catch (error) {
        const movedOn = error instanceof MusterError && error.code === "conflict";
        if (!movedOn || tries >= TRIES_MAX) throw error;
      }
    }
  };

  const begin = async ({ signer, link, name }: BrowserIdentity): Promise<NonNullable<typeof begun>> => {
    const key = toBase64Url(signer.publicKey);
    if (begun?.key === key) return begun;
    const linkKey = link.publicKey;
    const made = await beginBrowserLog(crypto, { signer, linkKey, name, nowMs: options.nowMs() });
    begun = { log: made.log, words: made.words.reveal(), key };
    return begun;
  };

  const taken = (change: Taken): void => {
    token = undefined;
    begun = undefined;
    show({ at: "taken", taken: change });
  };

  const passkey = async (): Promise<void> => {
    const { claim: now } = store.get();
    if (now.at !== "taken") return;
    const tell = (state: Taken["passkey"]): void => {
      show({ at: "taken", taken: { ...now.taken, passkey: state } });
    };
    tell("asked");
    try {
      await untilReady(store, options.timers);
      await options.addPasskey();
      tell("added");
    } catch (error) {
      tell({ problem: publicError(error) });
    }
  };

  /** This browser's own log as the page has it, and its key. */
  const own = (): { log: OwnerLog; identity: BrowserIdentity; connection: FleetLink["connection"] } => {
    const [identity, link] = [options.identity(), options.link()];
    const log = link?.logs.log;
    if (identity === undefined || link === undefined || log === undefined) {
      throw new MusterError("hub_unreachable", "there is no connection to the hub", {
        hint: "try again once there is",
      });
    }
    return { log, identity, connection: link.connection };
  };

  const participant = (log: OwnerLog, deviceId: string): Participant | undefined =>
    log.participants().find(({ publicKey }) => deviceIdOf(crypto.sha256(publicKey)) === deviceId);

  const append = async (make: (log: OwnerLog) => Promise<OwnerLogEntry>): Promise<void> => {
    const { log, connection } = own();
    const entry = await make(log);
    await connection.request({ type: "log_append", entry });
    await options.link()?.logs.take([entry]);
  };

  return {
    opened(opened) {
      if (opened === "malformed") return show({ at: "malformed" });
      token = opened;
      look();
    },
    link: () => `${hubUrl}/claim#${demandToken().reveal()}`,
    look,
    async takeAsNewcomer(name, way) {
      const identity = await options.become();
      const { log, words } = await begin(identity);
      const newcomer = way.by === "password" ? { name, password: way.password } : { name };
      const { device } = await claim({ identity, own: log, known: 0, name, newcomer }).catch(
        (error: unknown) => {
          throw otherAccountsKey(error);
        },
      );
      taken({ device, words, passkey: way.by === "passkey" ? "asked" : "none", anew: false });
      await options.enterSignedIn();
      if (way.by === "passkey") await passkey();
    },
    async take() {
      const { log, identity } = own();
      const name = store.get().user?.name ?? identity.name;
      const { device } = await claim({ identity, own: log, known: log.length, name });
      taken({ device, words: null, passkey: "none", anew: false });
    },
    async takeAnew() {
      const identity =
        begun === undefined
          ? await options.becomeAnother()
          : (options.identity() ?? (await options.become()));
      const { log, words } = await begin(identity);
      const name = store.get().user?.name ?? identity.name;
      const { device } = await claim({ identity, own: log, known: 0, name });
      taken({ device, words, passkey: "none", anew: true });
      await options.enterSignedIn();
    },
    renew: (words) =>
      append((log) => {
        const { identity } = own();
        const browser = {
          publicKey: identity.signer.publicKey,
          linkKey: identity.link.publicKey,
          name: identity.name,
        };
        return admitBrowserByWords(crypto, log, { browser, words, nowMs: options.nowMs() });
      }),
    letGo: (deviceId) =>
      append(async (log) => {
        const { identity } = own();
        const device = participant(log, deviceId);
        const owner = device?.sharedBy;
        if (device === undefined || owner === undefined) {
          throw new MusterError("not_found", "that device is not shared with you");
        }
        const longer = await appendEntry(crypto, log, {
          kind: "share",
          body: { step: "end", device: toBase64Url(device.publicKey), owner },
          signer: identity.signer,
        });
        const entry = longer.entries.at(-1);
        if (entry === undefined) throw new RangeError("an owner log is never empty");
        return entry;
      }),
    async inviteMachine(words) {
      const { key: hubKey, url } = await fetchHub();
      const expiresAtMs = options.nowMs() + INVITE_MS;
      const signer = recoverySigner(crypto, words);
      let token = "";
      await append(async (log) => {
        const made = await makeInvite(crypto, { log, hubKey, names: [], expiresAtMs, signer });
        token = made.token.reveal();
        return made.entry;
      });
      const { install } = installLine({ hubUrl: url, lanUrl: undefined, insecure: false }, token);
      return { line: install, hubUrl: url, expiresAt: new Date(expiresAtMs).toISOString() };
    },
    trustMachine: (words, deviceId) =>
      append((log) => {
        const { publicKey } = participant(log, deviceId) ?? { publicKey: new Uint8Array(0) };
        return trustMachineByWords(crypto, log, { publicKey, words, nowMs: options.nowMs() });
      }),
    addPasskey: passkey,
    done() {
      const { claim: now } = store.get();
      show({ at: "none" });
      options.leave(now.at === "taken" && now.taken.anew);
    },
  };
}

function shownOffer(offer: ClaimOffer): ClaimState {
  if (offer.state === "open") return { at: "offered", offer };
  if (offer.state === "spent") return { at: "over", why: offer.mine ? "mine" : "spent" };
  return { at: "over", why: offer.state };
}

/** A token that this hub does not know is of another one, or was made up. */
function shownProblem(problem: MusterError): ClaimState {
  return problem.code === "token_invalid" ? { at: "over", why: "unknown" } : { at: "unread", problem };
}

function otherAccountsKey(error: unknown): unknown {
  if (!(error instanceof MusterError) || error.code !== "forbidden") return error;
  return new MusterError("forbidden", "this browser's key belongs to another account of this hub", {
    hint: "sign in to that account first, or open the link in a private window or another browser",
    cause: error,
  });
}

const READY_MS = 15_000;

/** Until the hub has this browser's session, with which alone it changes how an account is entered. */
function untilReady(store: Store<PageState>, timers: Pick<Timers, "after">): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = timers.after(READY_MS, () => {
    reject(new MusterError("hub_unreachable", "the hub did not let this browser in in time"));
  });
  const look = (): void => {
    if (store.get().hubLink.at === "ready" && store.get().browser !== null) resolve();
  };
  const stop = store.subscribe(look);
  look();
  return promise.finally(() => {
    stop();
    timer.cancel();
  });
}
