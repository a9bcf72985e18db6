// Keys that use what devices offer and never command: of programs, made here and shown once, and of devices of someone
// else, which this home is paired with; or all that someone else has, by the id of their log, which no hub can put
// another log under. Each is an entry of the owner log; taking it back is another.
import { makeApiKey } from "../identity/api-key.ts";
import type { Crypto, Signer } from "../identity/crypto.ts";
import type { OwnerLog } from "../identity/owner-log.ts";
import { GRANTED_OWNERS_MAX, GRANTS_MAX } from "../identity/owner-log-rules.ts";
import type { Grant } from "../identity/owner-log-state.ts";
import { equalBytes, fromBase64Url, toBase64Url } from "../protocol/bytes.ts";
import { MusterError } from "../protocol/errors.ts";
import { beginsId, deviceIdOf } from "../protocol/ids.ts";
import type { LocalRequest, LocalResponse } from "../protocol/local-api.ts";
import { isOwnerId, type EntryBody, type GrantHolder, type GrantScope } from "../protocol/owner-log.ts";
import type { Clock } from "../world/world.ts";
import { knownLog, signedEntry, writeToLog, type LogWriting } from "./log-writing.ts";
import { orderedDevice } from "./orders/ordered-device.ts";

export interface KeyDeskOptions extends LogWriting {
  clock: Clock;
  crypto: Crypto;
  signer: Signer;
  /** Identity key of a device that this home is paired with, by name or id. */
  peerKey(reference: string): Promise<{ name: string; publicKey: Uint8Array }>;
}

type Holder = Pick<Grant, "publicKey" | "name" | "holder">;

/** So much of an owner's id names it. */
const OWNER_ID_BEGINNING = 7;

/** How someone is named whose devices this home is not paired with. */
const BY_OWNER_ID = "name an owner by the owner id that `muster device owners` shows on the other side";

type View = LocalResponse<"keys">["items"][number];

export class KeyDesk {
  readonly #options: KeyDeskOptions;

  constructor(options: KeyDeskOptions) {
    this.#options = options;
  }

  async show(): Promise<LocalResponse<"keys">> {
    const grants = knownLog(this.#options.book).grants();
    const names = await this.#names(grants);
    return { items: grants.map((grant) => this.#view(grant, names)) };
  }

  /** The key's text is told here and nowhere else. */
  async create(request: LocalRequest<"key_create">): Promise<LocalResponse<"key_create">> {
    const { crypto } = this.#options;
    const { text, signer } = makeApiKey(crypto);
    const { name, scopes, capabilities = null } = request;
    this.#refuseTwin(name, signer.publicKey);
    const key = await this.#write({
      publicKey: signer.publicKey,
      name,
      holder: "program",
      scopes,
      capabilities,
      devices: null,
      expiresInMs: request.expires_in_ms,
    });
    return { key, token: text.reveal() };
  }

  /** To someone else, of what one device of this owner offers: in the place of what they had there. */
  async grant(request: LocalRequest<"grant">): Promise<LocalResponse<"grant">> {
    const device = await orderedDevice(this.#options, request.device);
    const held = await this.#holderOf(request);
    this.#refuseTwin(held.name, held.publicKey);
    const key = await this.#write({
      ...held,
      scopes: ["capabilities"],
      capabilities: request.capabilities,
      devices: [toBase64Url(device.publicKey)],
      expiresInMs: request.expires_in_ms,
    });
    return { key };
  }

  async #holderOf({ to, name }: LocalRequest<"grant">): Promise<Holder> {
    const grants = knownLog(this.#options.book).grants();
    const named = grants.find((one) => one.holder === "owner" && one.name === to);
    if (named !== undefined) await this.#refusePeer(to, this.#idOf(named));
    const ownerId = named === undefined ? to : this.#idOf(named);
    if (isOwnerId(ownerId)) return this.#ownerOf(ownerId, name);
    if (name !== undefined) {
      throw new MusterError("usage", "only an owner is given a name here", {
        hint: `${BY_OWNER_ID}; a paired device has a name`,
      });
    }
    const peer = await this.#options.peerKey(to).catch((error: unknown) => {
      if (!(error instanceof MusterError) || error.code !== "not_found") throw error;
      const hint = `pair the two first: muster pair; or let all their devices use it: ${BY_OWNER_ID}`;
      throw new MusterError("not_found", error.message, { hint, cause: error });
    });
    this.#refuseOwn(peer.name, peer.publicKey);
    return { ...peer, holder: "device" };
  }

  #ownerOf(id: string, name: string | undefined): Holder {
    const log = knownLog(this.#options.book);
    if (id === toBase64Url(log.id)) {
      throw new MusterError("usage", "this is the id of your own log", {
        hint: "your own devices use what the others offer; the other owner reads theirs with muster device owners",
      });
    }
    const publicKey = fromBase64Url(id) ?? new Uint8Array(0); // it is of that form
    const former = log.grants().find((one) => equalBytes(one.publicKey, publicKey));
    return { publicKey, name: name ?? former?.name ?? `owner ${id.slice(0, 8)}`, holder: "owner" };
  }

  /** By name, or by the beginning of its id. A program's key never comes back; another's device is let in again. */
  async revoke({ key: reference }: LocalRequest<"key_revoke">): Promise<LocalResponse<"key_revoke">> {
    const found = this.#find(reference);
    await this.#remove(found);
    return { key: this.#view(found, await this.#names([found])) };
  }

  async #remove({ publicKey }: Grant): Promise<void> {
    const { crypto, signer } = this.#options;
    const body = { public_key: toBase64Url(publicKey) };
    await writeToLog(this.#options, (log) =>
      signedEntry(crypto, this.#administered(log), { kind: "remove", body, signer }),
    );
  }

  /** Those whose time is over stand in the log until somebody takes them out, and count. */
  async #makeRoom(holder: GrantHolder): Promise<void> {
    const { book, clock } = this.#options;
    const log = knownLog(book);
    const isOver = (one: Grant): boolean => {
      const held =
        one.holder === "owner"
          ? log.ownerGrantsOf(toBase64Url(one.publicKey), clock.now())
          : log.grantsOf(one.publicKey, clock.now());
      return held.length === 0;
    };
    const grants = log.grants();
    const toOwners = grants.filter((one) => one.holder === "owner");
    const owners = new Set(toOwners.map((one) => this.#idOf(one)));
    const counted = holder === "owner" && owners.size >= GRANTED_OWNERS_MAX ? toOwners : grants;
    if (counted === grants && grants.length < GRANTS_MAX) return;
    const over = counted.find(isOver);
    if (over !== undefined) await this.#remove(over);
  }

  async #write(wish: Omit<Grant, "entry" | "untilMs"> & { expiresInMs: number | undefined }): Promise<View> {
    const { crypto, signer, clock } = this.#options;
    await this.#makeRoom(wish.holder);
    const until = wish.expiresInMs === undefined ? null : clock.now() + wish.expiresInMs;
    const body: EntryBody<"key"> = {
      public_key: toBase64Url(wish.publicKey),
      name: wish.name,
      holder: wish.holder,
      scopes: sorted<GrantScope>(wish.scopes),
      capabilities: wish.capabilities === null ? null : sorted(wish.capabilities),
      devices: wish.devices === null ? null : sorted(wish.devices),
      until,
    };
    const { entry } = await writeToLog(this.#options, (log) =>
      signedEntry(crypto, this.#administered(log), { kind: "key", body, signer }),
    );
    const written: Grant = { ...wish, ...body, untilMs: until, entry: entry.number };
    return this.#view(written, await this.#names([written]));
  }

  #administered(log: OwnerLog): OwnerLog {
    const { signer, clock } = this.#options;
    if (log.mayAdmin(signer.publicKey, clock.now())) return log;
    throw new MusterError("forbidden", "this device may not give keys out", {
      hint: "do it on a controller with the scope admin: see muster device owners",
    });
  }

  #find(reference: string): Grant {
    const grants = knownLog(this.#options.book).grants();
    const named = grants.filter(({ name }) => name === reference);
    const found = named.length > 0 ? named : grants.filter((one) => this.#isMeant(one, reference));
    const [first] = found;
    const second = found.find(
      ({ publicKey }) => first !== undefined && !equalBytes(publicKey, first.publicKey),
    );
    if (first === undefined) {
      throw new MusterError("not_found", `there is no key "${reference}"`, {
        hint: "see them: muster key ls",
      });
    }
    if (second === undefined) return first;
    throw new MusterError("ambiguous", `"${reference}" is more than one key`, {
      hint: `say which by its id: ${found.map((one) => this.#idOf(one)).join(", ")}`,
    });
  }

  #isMeant(grant: Grant, reference: string): boolean {
    const id = this.#idOf(grant);
    // These have letters of both cases.
    if (grant.holder === "owner") return reference.length >= OWNER_ID_BEGINNING && id.startsWith(reference);
    return beginsId(id, reference);
  }

  #refuseTwin(name: string, publicKey: Uint8Array): void {
    const grants = knownLog(this.#options.book).grants();
    if (!grants.some((grant) => grant.name === name && !equalBytes(grant.publicKey, publicKey))) return;
    throw new MusterError("name_taken", `there is a key "${name}" already`, {
      hint: "choose another name, or take it back first: muster key revoke",
    });
  }

  /** What an owner was called here may be what a device calls itself. */
  async #refusePeer(name: string, ownerId: string): Promise<void> {
    const peer = await this.#options.peerKey(name).catch(() => undefined);
    if (peer === undefined) return;
    throw new MusterError("ambiguous", `"${name}" is an owner and a paired device`, {
      hint: `say the device by its id, or the owner by theirs: ${ownerId}`,
    });
  }

  #refuseOwn(name: string, publicKey: Uint8Array): void {
    if (knownLog(this.#options.book).participant(publicKey) === undefined) return;
    throw new MusterError("usage", `${name} is a device of the same owner and needs no grant`, {
      hint: "your own devices use what the others offer; [offer] in muster.toml says which of them may",
    });
  }

  #view(grant: Grant, names: ReadonlyMap<string, string>): View {
    const { clock } = this.#options;
    const { name, holder, scopes, capabilities, devices, untilMs } = grant;
    return {
      id: this.#idOf(grant),
      name,
      holder,
      scopes: [...scopes],
      capabilities: capabilities === null ? null : [...capabilities],
      devices: devices === null ? null : devices.map((key) => names.get(key) ?? key),
      expires_at: untilMs === null ? null : new Date(untilMs).toISOString(),
      expired: untilMs !== null && clock.now() >= untilMs,
    };
  }

  /** Of the devices that these name, by key: as they are called today, where the hub is there to say it. */
  async #names(grants: readonly Grant[]): Promise<ReadonlyMap<string, string>> {
    const { book, crypto, hub } = this.#options;
    if (grants.every(({ devices }) => devices === null)) return new Map();
    const asked = await hub.request({ type: "fleet_get" }, "fleet").catch(() => undefined);
    const today = new Map(asked?.fleet.devices.map(({ id, name }) => [id, name]));
    return new Map(
      (book.log?.participants() ?? []).map(({ publicKey, name }) => {
        const id = deviceIdOf(crypto.sha256(publicKey));
        return [toBase64Url(publicKey), today.get(id) ?? name];
      }),
    );
  }

  #idOf({ publicKey, holder }: Pick<Grant, "publicKey" | "holder">): string {
    if (holder === "owner") return toBase64Url(publicKey);
    return deviceIdOf(this.#options.crypto.sha256(publicKey));
  }
}

function sorted<Text extends string>(texts: readonly Text[]): Text[] {
  return [...new Set(texts)].toSorted();
}
