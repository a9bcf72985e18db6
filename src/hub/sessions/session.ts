// One proven connection to the hub: whose key it is, what it may do, how it is spoken to.
import { toBase64Url, utf8 } from "../../protocol/bytes.ts";
import type { ErrorCode } from "../../protocol/errors.ts";
import type { ClientMessage, HubToClient } from "../../protocol/messages.ts";
import type { Actor } from "../../protocol/actors.ts";
import type { SessionKind } from "../../protocol/signed.ts";
import type { MachineHealth } from "../../protocol/views.ts";
import type { Trunk } from "../../trunk/trunk.ts";

/** While this much waits for a client that does not read, nothing is told to it unasked. */
const UNASKED_HOLD_BYTES = 512 * 1024;

export interface SessionFacts {
  kind: SessionKind;
  publicKey: Uint8Array;
  /** Of the key; for people. */
  deviceId: string;
  name: string;
  about: Pick<ClientMessage<"register">, "platform" | "kind" | "version">;
  /** Address of the far end of the connection. */
  address: string;
  sinceMs: number;
}

export class Session {
  readonly facts: SessionFacts;
  readonly key: string;
  readonly trunk: Trunk;
  readonly #actor: () => Actor;
  health: MachineHealth | undefined;
  watchesFleet = false;
  /** It was told to come back later: nothing new is given to it. */
  leaving = false;

  /** `actor` is asked each time, since an owner log may change what a key may do. */
  constructor(facts: SessionFacts, trunk: Trunk, actor: () => Actor) {
    this.facts = facts;
    this.key = toBase64Url(facts.publicKey);
    this.trunk = trunk;
    this.#actor = actor;
  }

  get actor(): Actor {
    return this.#actor();
  }

  send(message: HubToClient): boolean {
    return this.trunk.message(utf8(JSON.stringify(message)));
  }

  /** Whether it reads what it is told. */
  get hears(): boolean {
    return this.trunk.queuedBytes < UNASKED_HOLD_BYTES;
  }

  /** News that the client will be told again, encoded once for many: skipped while it does not read. */
  tellEncoded(message: Uint8Array): void {
    if (this.hears) this.trunk.message(message);
  }

  close(code: ErrorCode, message: string): void {
    this.send({ type: "error", code, message });
    this.trunk.close(code, message);
  }
}
