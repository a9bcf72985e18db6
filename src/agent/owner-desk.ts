// What an owner does with the keys of the owner log: see them, give another device the right to command, hand the
// hub's own key over, write words down that take the log back, and use them. Each is an entry that is signed here.
import type { Crypto, Signer } from "../identity/crypto.ts";
import { recoverLog, type NewEntry, type OwnerLog } from "../identity/owner-log.ts";
import type { Participant } from "../identity/owner-log-state.ts";
import { makeRecovery, recoverySigner } from "../identity/recovery-words.ts";
import { isStrictKey } from "../identity/strict-key.ts";
import { readBrowserCode, type BrowserCode } from "../protocol/browser-code.ts";
import { toBase64Url } from "../protocol/bytes.ts";
import { MusterError } from "../protocol/errors.ts";
import { deviceIdOf } from "../protocol/ids.ts";
import { BROWSER_CONTROLLER_DAYS } from "../protocol/limits.ts";
import type { LocalRequest, LocalResponse } from "../protocol/local-api.ts";
import type { Scope } from "../protocol/owner-log.ts";
import type { DeviceView } from "../protocol/views.ts";
import type { Clock } from "../world/world.ts";
import { coOwnersShown } from "./co-owner-desk.ts";
import { findDevice, sharedByAnother } from "./device-desk.ts";
import type { HubPort } from "./hub-port.ts";
import { knownLog, lastEntry, signedEntry, writeToLog } from "./log-writing.ts";
import type { OwnerBook } from "./owner-book.ts";

export interface OwnerDeskOptions {
  clock: Clock;
  crypto: Crypto;
  signer: Signer;
  /** Public half. */
  linkKey: Uint8Array;
  hub: Pick<HubPort, "request">;
  book: Pick<OwnerBook, "log" | "problem" | "fetch" | "take"> & Partial<Pick<OwnerBook, "reset">>;
  /** This home's own process runs the hub. */
  embedded: boolean;
}

const DAY_MS = 86_400_000;

type Shown = LocalResponse<"owners">;

export class OwnerDesk {
  readonly #options: OwnerDeskOptions;

  constructor(options: OwnerDeskOptions) {
    this.#options = options;
  }

  async show(): Promise<Shown> {
    const log = this.#log();
    return this.#shown(log, await this.#fleet());
  }

  async promote({ device, admin }: LocalRequest<"owner_promote">): Promise<LocalResponse<"owner_promote">> {
    const browser = readBrowserCode(device);
    if (browser !== undefined) return this.#admitBrowser(browser);
    const { known, name } = await this.#participant(device);
    const since = this.#options.clock.now();
    const until = known.kind === "browser" ? since + BROWSER_CONTROLLER_DAYS * DAY_MS : null;
    const scopes: Scope[] = admin ? ["admin", "command"] : ["command"];
    await this.#append(() => this.#controllerEntry(known, { scopes, since, until }));
    return {
      device_id: this.#idOf(known.publicKey),
      name,
      until: until === null ? null : new Date(until).toISOString(),
    };
  }

  /** One that the log does not know yet, by the code that its page shows. */
  async #admitBrowser(browser: BrowserCode): Promise<LocalResponse<"owner_promote">> {
    const { publicKey, linkKey, name } = browser;
    if (!isStrictKey(publicKey)) throw new MusterError("invalid", "that code holds no key of a browser");
    const since = this.#options.clock.now();
    const until = since + BROWSER_CONTROLLER_DAYS * DAY_MS;
    await this.#append((log) => {
      const known = log.participant(publicKey) ?? {
        publicKey,
        linkKey,
        name,
        kind: "browser",
        platform: "browser",
      };
      return this.#controllerEntry(known, { scopes: ["command"], since, until });
    });
    return { device_id: this.#idOf(publicKey), name, until: new Date(until).toISOString() };
  }

  /** The key stays a member's, if it is one: the hub's home may go on as a device. */
  async handOver({ device }: LocalRequest<"hub_handover">): Promise<LocalResponse<"hub_handover">> {
    const { embedded, signer, clock } = this.#options;
    if (!embedded) {
      throw new MusterError("conflict", "no hub runs from this home", {
        hint: "do it on the machine that runs the hub",
      });
    }
    const { known, name } = await this.#participant(device);
    if (toBase64Url(known.publicKey) === toBase64Url(signer.publicKey)) {
      throw new MusterError("conflict", "that is the hub's own home");
    }
    const now = clock.now();
    await this.#append(() =>
      this.#controllerEntry(known, { scopes: ["admin", "command"], since: now, until: null }),
    );
    await this.#append((log) => {
      const own = log.participant(signer.publicKey);
      if (own === undefined) throw new MusterError("forbidden", "this home's key is in no owner log");
      // A right that had ended before any clock began: there is no other way down, and none is needed.
      return this.#controllerEntry(own, { scopes: ["command"], since: 0, until: 1 });
    });
    return { device_id: this.#idOf(known.publicKey), name };
  }

  async makeRecovery(): Promise<LocalResponse<"recovery_make">> {
    const { crypto, signer } = this.#options;
    const { words, signer: key } = makeRecovery(crypto);
    await this.#append(() => ({
      kind: "recovery",
      body: { public_key: toBase64Url(key.publicKey) },
      signer,
    }));
    return { words: [...words.reveal()] };
  }

  async useRecovery({ words, number }: LocalRequest<"recovery_use">): Promise<LocalResponse<"recovery_use">> {
    const { book, crypto, hub, signer, linkKey } = this.#options;
    const key = recoverySigner(crypto, words);
    await book.fetch().catch(() => {}); // a forked log is what this is for
    const log = this.#log();
    const own = log.participant(signer.publicKey);
    if (own === undefined) throw new MusterError("forbidden", "this device is not in the owner log");
    const next = makeRecovery(crypto);
    const at = Math.min(number ?? log.length, log.length);
    const recovered = await recoverLog(crypto, log, {
      kind: "recover",
      number: at,
      body: {
        public_key: toBase64Url(own.publicKey),
        link_key: toBase64Url(linkKey),
        name: own.name,
        kind: own.kind,
        platform: own.platform,
        recovery: toBase64Url(next.signer.publicKey),
      },
      signer: key,
    });
    const entry = lastEntry(recovered);
    await hub.request({ type: "log_append", entry }, "done");
    await book.take([entry]);
    return { number: at, beaten: log.length - at, words: [...next.words.reveal()] };
  }

  async reset({ head }: LocalRequest<"owners_reset">): Promise<LocalResponse<"owners_reset">> {
    const { book } = this.#options;
    if (book.reset === undefined) {
      throw new MusterError("agent_not_running", "only a running agent keeps a copy of the owner log", {
        hint: "start it: `muster start`",
      });
    }
    const { log, done } = await book.reset(head);
    return { ...this.#shown(log, await this.#fleet()), done };
  }

  /** What a hub that is there knows beside the log: today's names, and nothing that anybody decides by. */
  async #fleet(): Promise<ReadonlyMap<string, DeviceView>> {
    const asked = await this.#options.hub.request({ type: "fleet_get" }, "fleet").catch(() => undefined);
    return new Map((asked?.fleet.devices ?? []).map((device) => [device.id, device]));
  }

  #shown(log: OwnerLog, fleet: ReadonlyMap<string, DeviceView>): Shown {
    const { clock, signer } = this.#options;
    const now = clock.now();
    const own = toBase64Url(signer.publicKey);
    return {
      log: toBase64Url(log.id),
      head: toBase64Url(log.head.hash),
      entries: log.length,
      recovery: log.hasRecovery,
      ...coOwnersShown(this.#options.crypto, log, fleet),
      items: log.participants().flatMap((one) => {
        const role = log.roleOf(one.publicKey, now);
        if (role === undefined) return [];
        const rights = role === "controller" ? one.controller : undefined;
        const untilMs = rights?.untilMs ?? null;
        const id = this.#idOf(one.publicKey);
        return {
          device_id: id,
          name: fleet.get(id)?.name ?? one.name,
          kind: one.kind,
          role,
          scopes: [...(rights?.scopes ?? [])],
          until: untilMs === null ? null : new Date(untilMs).toISOString(),
          self: toBase64Url(one.publicKey) === own,
          entry: one.entry,
        };
      }),
    };
  }

  #controllerEntry(
    known: Pick<Participant, "publicKey" | "linkKey" | "name" | "kind" | "platform">,
    rights: { scopes: Scope[]; since: number; until: number | null },
  ): NewEntry {
    return {
      kind: "controller",
      body: {
        public_key: toBase64Url(known.publicKey),
        link_key: toBase64Url(known.linkKey),
        name: known.name,
        kind: known.kind,
        platform: known.platform,
        // Whoever asks has named the very device.
        named: true,
        ...rights,
      },
      signer: this.#options.signer,
    };
  }

  async #append(make: (log: OwnerLog) => NewEntry): Promise<void> {
    const { crypto, signer, clock } = this.#options;
    await writeToLog(this.#options, async (log) => {
      if (!log.mayAdmin(signer.publicKey, clock.now())) {
        throw new MusterError("forbidden", "this device may not change who commands", {
          hint: "do it on a controller with the scope admin: see muster device owners",
        });
      }
      return signedEntry(crypto, log, make(log));
    });
  }

  /** By the name or id that people use, and the name; its keys are the log's. */
  async #participant(reference: string): Promise<{ known: Participant; name: string }> {
    const { fleet } = await this.#options.hub.request({ type: "fleet_get" }, "fleet");
    const view = findDevice(fleet.devices, reference);
    const known = this.#log()
      .participants()
      .find(({ publicKey }) => this.#idOf(publicKey) === view.id);
    if (known?.sharedBy !== undefined) throw sharedByAnother(view.name);
    if (known !== undefined) return { known, name: view.name };
    throw new MusterError("forbidden", `${view.name} is in no owner log yet`, {
      hint: `let it in first: muster device approve ${view.name}`,
    });
  }

  #log(): OwnerLog {
    return knownLog(this.#options.book);
  }

  #idOf(publicKey: Uint8Array): string {
    return deviceIdOf(this.#options.crypto.sha256(publicKey));
  }
}
