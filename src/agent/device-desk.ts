// What a controller's home does with the devices of its owner: show, rename, remove, let in. Which key a device
// has is taken from this home's own copy of the owner log; the hub's list only says under which name people
// know it. What changes the log is signed here.
import type { Crypto, Signer } from "../identity/crypto.ts";
import type { NewEntry, OwnerLog } from "../identity/owner-log.ts";
import type { Participant } from "../identity/owner-log-state.ts";
import { joiningKeys, joiningWords, type JoiningKeys } from "../identity/joining.ts";
import { toBase64Url } from "../protocol/bytes.ts";
import { MusterError } from "../protocol/errors.ts";
import { beginsId, deviceIdOf, parseDeviceId } from "../protocol/ids.ts";
import type { LocalRequest, LocalResponse } from "../protocol/local-api.ts";
import type { DeviceView, FleetView } from "../protocol/views.ts";
import type { Clock } from "../world/world.ts";
import type { HubPort } from "./hub-port.ts";
import { signedEntry, writeToLog } from "./log-writing.ts";
import type { OwnerBook } from "./owner-book.ts";

export interface DeviceDeskOptions {
  clock: Clock;
  crypto: Crypto;
  signer: Signer;
  hub: Pick<HubPort, "request">;
  /** Pinned. */
  hubKey: Uint8Array;
  book: Pick<OwnerBook, "log" | "problem" | "fetch" | "take">;
  /** This home's own process runs the hub. */
  embedded: boolean;
}

const CANDIDATES_SHOWN = 5;

type Shown = LocalResponse<"device_show">;

export class DeviceDesk {
  readonly #options: DeviceDeskOptions;

  constructor(options: DeviceDeskOptions) {
    this.#options = options;
  }

  async show({ device }: LocalRequest<"device_show">): Promise<Shown> {
    const { fleet, view, participant } = await this.#find(device);
    return {
      device: view,
      shares: fleet.shares.filter((share) => share.device_id === view.id),
      self: view.id === this.#ownId(),
      role: this.#roleOf(participant),
      in_log: participant !== undefined,
      words: participant === undefined && this.#mayAdmin() ? (await this.#asking(view)).words : null,
    };
  }

  /** By this home's own copy of the log, which the hub keeps telling what is new in it. */
  async invited({ invite }: LocalRequest<"device_invited">): Promise<LocalResponse<"device_invited">> {
    const spentBy = this.#options.book.log?.invite(invite)?.spentBy;
    return { device_id: spentBy === undefined ? null : this.#idOf(spentBy) };
  }

  /** Lets in a device that joined by the hub's word, once a person has compared the words. */
  async approve({ device, words }: LocalRequest<"device_approve">): Promise<LocalResponse<"device_approve">> {
    const { signer } = this.#options;
    const { view, participant } = await this.#find(device);
    if (participant !== undefined) {
      throw new MusterError("conflict", `${view.name} is in the owner log already`, {
        hint: "nothing is left to approve; muster device owners shows what it may",
      });
    }
    if (!this.#mayAdmin()) throw this.#notAdmin("let devices in");
    const asking = await this.#asking(view);
    if (asking.words.join(" ") !== words.join(" ")) {
      throw new MusterError(
        "bad_signature",
        "the device's words are others now than those that were compared",
        {
          hint: "compare them again: muster device approve",
        },
      );
    }
    await this.#append(() => ({
      kind: "member",
      body: {
        public_key: toBase64Url(asking.publicKey),
        link_key: toBase64Url(asking.linkKey),
        name: view.name,
        kind: view.kind,
        platform: view.platform,
        ssh_host_keys: [],
        claim: null,
      },
      signer,
    }));
    return { device_id: view.id, name: view.name };
  }

  async rotate({ device }: LocalRequest<"device_rotate">): Promise<LocalResponse<"device_rotate">> {
    const { view } = await this.#findOwn(device);
    await this.#options.hub.request({ type: "device_rotate", device_id: view.id }, "done");
    return { device_id: view.id, name: view.name };
  }

  /** The keys that the hub names for it: they fit its id, and the words say whether the id is the device's. */
  async #asking(view: DeviceView): Promise<JoiningKeys & { words: string[] }> {
    const { hub, crypto, hubKey } = this.#options;
    const told = await hub.request({ type: "device_key_get", device_id: view.id }, "device_key");
    const keys = joiningKeys(told);
    if (this.#idOf(keys.publicKey) !== view.id) {
      throw new MusterError("bad_signature", `the hub names another key for ${view.name} than its id says`);
    }
    return { ...keys, words: joiningWords(crypto, { ...keys, hubKey }) };
  }

  #mayAdmin(): boolean {
    const { book, signer, clock } = this.#options;
    return book.log?.mayAdmin(signer.publicKey, clock.now()) === true;
  }

  #notAdmin(what: string): MusterError {
    return new MusterError("forbidden", `this device may not ${what}`, {
      hint: "do it on a controller, such as the machine that runs the hub",
    });
  }

  async rename({ device, name }: LocalRequest<"device_rename">): Promise<LocalResponse<"device_rename">> {
    const { view } = await this.#findOwn(device);
    const asked = { type: "device_rename", device_id: view.id, name } as const;
    const renamed = await this.#options.hub.request(asked, "device_renamed");
    return { device_id: view.id, from: view.name, name: renamed.name };
  }

  /** Another device: by an entry of the log, or by the hub's word where the log does not know it. */
  async remove({ device }: LocalRequest<"device_remove">): Promise<LocalResponse<"device_remove">> {
    const { view, participant } = await this.#findOwn(device);
    if (view.id === this.#ownId()) {
      throw new MusterError("conflict", "that is this device", { hint: "leave with: muster device remove" });
    }
    const { hub, signer } = this.#options;
    if (!this.#mayAdmin()) throw this.#notAdmin("remove others from its owner");
    if (participant === undefined) {
      await hub.request({ type: "device_revoke", device_id: view.id }, "done");
      return { device_id: view.id, name: view.name, by: "hub" };
    }
    await this.#append(() => ({
      kind: "remove",
      body: { public_key: toBase64Url(participant.publicKey) },
      signer,
    }));
    return { device_id: view.id, name: view.name, by: "owner_log" };
  }

  /** This device leaves, by an entry of its own key. The log counts, whatever became of the hub's answer. */
  async leave(): Promise<void> {
    const { signer, embedded, book } = this.#options;
    if (embedded) {
      throw new MusterError("conflict", "this device runs the hub, and its key began the fleet", {
        hint: "end both with: muster uninstall --state",
      });
    }
    const own = book.log?.participant(signer.publicKey);
    if (own === undefined) return this.#leaveUnconfirmed();
    const body = { public_key: toBase64Url(signer.publicKey) };
    try {
      await this.#append(() => ({ kind: "remove", body, signer }));
    } catch (error) {
      // The hub ends the session as soon as it has the entry, which it shows first.
      await book.take([]);
      if (book.log?.wasRemoved(signer.publicKey) !== true) throw error;
    }
  }

  /** No log knows it yet, so there is nothing to write. */
  async #leaveUnconfirmed(): Promise<void> {
    const { hub } = this.#options;
    await hub.request({ type: "device_revoke", device_id: this.#ownId() }, "done");
  }

  /** Signs an entry behind the newest, and again where another came first. */
  async #append(make: (log: OwnerLog) => NewEntry): Promise<void> {
    const { crypto } = this.#options;
    await writeToLog(this.#options, (log) => signedEntry(crypto, log, make(log)));
  }

  async #find(
    reference: string,
  ): Promise<{ fleet: FleetView; view: DeviceView; participant: Participant | undefined }> {
    const { hub } = this.#options;
    const { fleet } = await hub.request({ type: "fleet_get" }, "fleet");
    const view = findDevice(fleet.devices, reference);
    return { fleet, view, participant: this.#participant(view.id) };
  }

  /** Not one that another owner shares: what is asked is that owner's to do. */
  async #findOwn(reference: string): Promise<{ view: DeviceView; participant: Participant | undefined }> {
    const found = await this.#find(reference);
    if (found.participant?.sharedBy !== undefined) throw sharedByAnother(found.view.name);
    return found;
  }

  #participant(deviceId: string): Participant | undefined {
    return this.#options.book.log?.participants().find(({ publicKey }) => this.#idOf(publicKey) === deviceId);
  }

  #roleOf(participant: Participant | undefined): Shown["role"] {
    const { book, clock } = this.#options;
    if (participant === undefined) return "none";
    return book.log?.roleOf(participant.publicKey, clock.now()) ?? "none";
  }

  #ownId(): string {
    return this.#idOf(this.#options.signer.publicKey);
  }

  #idOf(publicKey: Uint8Array): string {
    return deviceIdOf(this.#options.crypto.sha256(publicKey));
  }
}

/** What only its own owner does with a device. */
export function sharedByAnother(name: string): MusterError {
  return new MusterError("forbidden", `${name} is another owner's, who shares it with you`, {
    hint: `let it go with: muster device unshare ${name}`,
  });
}

/** By name, by id, or by the beginning of one. Throws `not_found`, `ambiguous`. */
export function findDevice(devices: readonly DeviceView[], reference: string): DeviceView {
  const living = devices.filter((device) => device.status !== "revoked");
  const byName = living.filter((device) => device.name === reference);
  const id = parseDeviceId(reference);
  const byId = living.filter(
    (device) => device.id === id || (byName.length === 0 && beginsId(device.id, reference)),
  );
  const matching = byName.length > 0 ? byName : byId;
  const [device] = matching;
  if (device === undefined) {
    throw new MusterError("not_found", `there is no device "${reference.slice(0, 64)}"`, {
      hint: "see `muster device ls`",
    });
  }
  if (matching.length === 1) return device;
  throw new MusterError("ambiguous", `"${reference.slice(0, 64)}" fits ${matching.length} devices`, {
    hint: `one of ${shownOf(matching.map((one) => `${one.id} (${one.name})`))}`,
  });
}

/** A few, so that a large fleet fills no screen. */
function shownOf(candidates: readonly string[]): string {
  const rest = candidates.length - CANDIDATES_SHOWN;
  return `${candidates.slice(0, CANDIDATES_SHOWN).join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
}
