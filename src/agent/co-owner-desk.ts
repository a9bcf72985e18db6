// Sharing one device with another owner, from either side: the token that offers it, the entry that ends it, and who
// has what now. Each is an entry of this home's own log, signed here.
import type { Crypto, Signer } from "../identity/crypto.ts";
import type { NewEntry, OwnerLog } from "../identity/owner-log.ts";
import type { CoOwner } from "../identity/owner-log-state.ts";
import { makeShareOffer } from "../identity/share-token.ts";
import { fromBase64Url, toBase64Url } from "../protocol/bytes.ts";
import { MusterError } from "../protocol/errors.ts";
import { deviceIdOf } from "../protocol/ids.ts";
import { claimLine, type HubAddresses } from "../protocol/install-line.ts";
import type { LocalRequest, LocalResponse } from "../protocol/local-api.ts";
import type { DeviceView } from "../protocol/views.ts";
import type { Clock } from "../world/world.ts";
import { sharedByAnother } from "./device-desk.ts";
import type { HubPort } from "./hub-port.ts";
import { signedEntry, writeToLog } from "./log-writing.ts";
import { orderedDevice } from "./orders/ordered-device.ts";
import type { OwnerBook } from "./owner-book.ts";

export interface CoOwnerDeskOptions {
  clock: Clock;
  crypto: Crypto;
  signer: Signer;
  hub: Pick<HubPort, "request">;
  /** Pinned. */
  hubKey: Uint8Array;
  /** Where the other owner finds the hub. */
  addresses(): HubAddresses;
  book: Pick<OwnerBook, "log" | "problem" | "fetch" | "take">;
}

type Shown = Required<Pick<LocalResponse<"owners">, "co_owners" | "shared_with_me">>;

export class CoOwnerDesk {
  readonly #options: CoOwnerDeskOptions;

  constructor(options: CoOwnerDeskOptions) {
    this.#options = options;
  }

  /** The token is told once, to the terminal that asked, and stands nowhere. */
  async offer(request: LocalRequest<"device_share">): Promise<LocalResponse<"device_share">> {
    const { crypto, signer, hubKey, clock, addresses } = this.#options;
    const { publicKey: device, id, name } = await orderedDevice(this.#options, request.device);
    const expiresAtMs = clock.now() + request.expires_in_ms;
    const browser = request.browser === true;
    const made = await writeToLog(this.#options, async (log) => {
      this.#demandAdmin(log);
      if (log.participant(device)?.sharedBy !== undefined) throw sharedByAnother(name);
      return makeShareOffer(crypto, { log, hubKey, device, expiresAtMs, browser, signer });
    });
    const token = made.token.reveal();
    const { claim, link, onlyHere } = claimLine(addresses(), token);
    const expires_at = new Date(expiresAtMs).toISOString();
    return {
      device_id: id,
      name,
      token,
      browser,
      claim,
      ...(link === undefined ? {} : { link }),
      expires_at,
      ...(onlyHere ? { only_here: true } : {}),
    };
  }

  /** By the device's own owner, of one co-owner; or by a co-owner, who lets the device go. */
  async end(request: LocalRequest<"device_unshare">): Promise<LocalResponse<"device_unshare">> {
    const { crypto, signer } = this.#options;
    const { publicKey, id, name } = await orderedDevice(this.#options, request.device);
    const device = toBase64Url(publicKey);
    let ended: string | null = null;
    await writeToLog(this.#options, (log) => {
      this.#demandAdmin(log);
      const sharedBy = log.participant(publicKey)?.sharedBy;
      const coOwner =
        sharedBy === undefined ? this.#coOwner(log, { device, name }, request.owner) : undefined;
      ended = coOwner?.name ?? null;
      const owner = coOwner?.owner ?? sharedBy ?? "";
      const entry: NewEntry = { kind: "share", body: { step: "end", device, owner }, signer };
      return signedEntry(crypto, log, entry);
    });
    return { device_id: id, name, owner: ended };
  }

  #coOwner(log: OwnerLog, { device, name }: { device: string; name: string }, wanted?: string): CoOwner {
    const all = log.coOwners().filter((one) => one.device === device);
    const found =
      wanted === undefined ? all : all.filter((one) => one.name === wanted || one.owner.startsWith(wanted));
    const [first, second] = found;
    if (first === undefined) {
      throw new MusterError(
        "not_found",
        wanted === undefined ? `${name} is shared with nobody` : `${name} is not shared with "${wanted}"`,
        { hint: "see who has what: muster device owners" },
      );
    }
    if (second === undefined) return first;
    throw new MusterError("ambiguous", `${name} is shared with ${found.length} owners that fit`, {
      hint: `say which: ${found.map((one) => `${one.name} (${one.owner.slice(0, 8)})`).join(", ")}`,
    });
  }

  #demandAdmin(log: OwnerLog): void {
    const { signer, clock } = this.#options;
    if (log.mayAdmin(signer.publicKey, clock.now())) return;
    throw new MusterError("forbidden", "this device may not change who owns what", {
      hint: "do it on a controller with the scope admin: see muster device owners",
    });
  }
}

/** Who commands what beside its own owner, as this log has it; `fleet` knows today's names, and who still has what. */
export function coOwnersShown(
  crypto: Pick<Crypto, "sha256">,
  log: OwnerLog,
  fleet: ReadonlyMap<string, DeviceView>,
): Shown {
  const idOf = (key: Uint8Array): string => deviceIdOf(crypto.sha256(key));
  const nameOf = (id: string, inLog: string | undefined): string => fleet.get(id)?.name ?? inLog ?? id;
  return {
    co_owners: log.coOwners().map(({ device, owner, name, entry }) => {
      const key = fromBase64Url(device) ?? new Uint8Array(0);
      const id = idOf(key);
      const holds = fleet.get(id)?.co_owners?.find((one) => one.owner === owner)?.holds;
      return {
        device_id: id,
        device: nameOf(id, log.participant(key)?.name),
        name,
        owner,
        entry,
        ...(holds === undefined ? {} : { holds }),
      };
    }),
    shared_with_me: log.participants().flatMap(({ publicKey, name, sharedBy, entry }) => {
      if (sharedBy === undefined) return [];
      const id = idOf(publicKey);
      return [{ device_id: id, device: nameOf(id, name), owner: sharedBy, entry }];
    }),
  };
}
