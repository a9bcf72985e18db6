// The hub's side of the handshake: hello → register → registered, over any trunk. Within five seconds it
// ends in a proven registration or in a closed trunk. Until then the far side may say `register` and nothing
// else.
import type { Crypto, Signer } from "../../identity/crypto.ts";
import { checkDevice, proveHub, type BindingRule, type Handshake } from "../../identity/session.ts";
import { fromBase64Url, fromUtf8, toBase64Url, utf8 } from "../../protocol/bytes.ts";
import { MusterError, publicError } from "../../protocol/errors.ts";
import { REGISTER_TIMEOUT_MS } from "../../protocol/limits.ts";
import type { Log } from "../../protocol/log.ts";
import { PROTOCOL_VERSION, type ClientMessage, type HubMessage } from "../../protocol/messages.ts";
import type { Trunk } from "../../trunk/trunk.ts";
import type { Timer, Timers } from "../../world/world.ts";
import { readClientMessage } from "./read-client-message.ts";

export interface GreetingOptions {
  trunk: Trunk;
  timers: Timers;
  crypto: Crypto;
  signer: Signer;
  log: Log;
  version: string;
  isOwnAddress(dialled: string): boolean;
  binding: Uint8Array;
  bindingRule: BindingRule;
  /**
   * Decides over what was proved. Throws a MusterError to refuse; what it returns makes what goes into `registered`,
   * in the very turn in which the session begins: what is news after that is told to the session.
   */
  admit(proved: Proved): Promise<() => Omit<HubMessage<"registered">, "type" | "signature">>;
  /** The far side has been told; from now on messages are its session's. */
  admitted(proved: Proved): void;
}

export interface Proved {
  handshake: Handshake;
  register: ClientMessage<"register">;
}

export class Greeting {
  readonly #options: GreetingOptions;
  readonly #nonce: Uint8Array;
  readonly #limit: Timer;
  #phase: "waiting" | "checking" | "over" = "waiting";

  constructor(options: GreetingOptions) {
    this.#options = options;
    this.#nonce = options.crypto.randomBytes(32);
    this.#limit = options.timers.after(REGISTER_TIMEOUT_MS, () =>
      // No verdict on a key: a client whose network stood still comes back at once.
      this.#refuse(new MusterError("unavailable", "nobody registered in time")),
    );
    const hello: HubMessage<"hello"> = {
      type: "hello",
      protocol: [PROTOCOL_VERSION],
      hub_key: toBase64Url(options.signer.publicKey),
      nonce: toBase64Url(this.#nonce),
      version: options.version,
    };
    options.trunk.message(utf8(JSON.stringify(hello)));
  }

  receive(bytes: Uint8Array): void {
    try {
      const message = readClientMessage(fromUtf8(bytes));
      if (message.type !== "register" || this.#phase !== "waiting") {
        throw new MusterError("protocol_error", `"${message.type}" before the registration was done`);
      }
      this.#phase = "checking";
      this.#check(message).catch((error: unknown) => this.#refuse(error));
    } catch (error) {
      this.#refuse(error);
    }
  }

  /** The trunk closed. */
  closed(): void {
    this.#phase = "over";
    this.#limit.cancel();
  }

  async #check(register: ClientMessage<"register">): Promise<void> {
    const { crypto, signer, isOwnAddress, binding, bindingRule, admit, trunk } = this.#options;
    const handshake = checkDevice(
      crypto,
      {
        protocols: [PROTOCOL_VERSION],
        hubKey: signer.publicKey,
        nonce: this.#nonce,
        isOwnAddress,
        binding,
        bindingRule,
      },
      {
        protocol: register.protocol,
        sessionKind: register.session_kind,
        publicKey: bytesOf(register.public_key, 32),
        nonce: bytesOf(register.nonce, 32),
        session: register.session,
        dialled: register.dialled,
        binding: fromBase64Url(register.binding) ?? new Uint8Array(0),
        signature: bytesOf(register.signature, 64),
      },
    );
    const proved = { handshake, register };
    const facts = await admit(proved);
    const signature = toBase64Url(await proveHub(signer, handshake));
    if (!this.#isChecking()) return;
    this.#phase = "over";
    this.#limit.cancel();
    const registered: HubMessage<"registered"> = { type: "registered", ...facts(), signature };
    trunk.message(utf8(JSON.stringify(registered)));
    this.#options.admitted(proved);
  }

  // A method of its own: the type checker does not see that awaiting lets others change the phase.
  #isChecking(): boolean {
    return this.#phase === "checking";
  }

  #refuse(error: unknown): void {
    if (this.#phase === "over") return;
    this.#phase = "over";
    this.#limit.cancel();
    const { code, message } = publicError(error);
    if (code === "internal") this.#options.log.error("fault in a registration", { error });
    else this.#options.log.info("registration refused", { error_code: code, reason: message });
    const { trunk } = this.#options;
    trunk.message(utf8(JSON.stringify({ type: "error", code, message })));
    trunk.close(code, message);
  }
}

function bytesOf(text: string, length: number): Uint8Array {
  const bytes = fromBase64Url(text);
  if (bytes?.length !== length) throw new MusterError("protocol_error", `a value of ${length} bytes was due`);
  return bytes;
}
