// One page at this agent: the same greeting as at a hub, by a key that this run of the agent made for its page alone,
// and then what the page asks. Until the browser's key is proved it may say `register` and nothing else.
import type { Crypto, Signer } from "../../identity/crypto.ts";
import { checkDevice, dialledAddress, proveHub, type Handshake } from "../../identity/session.ts";
import { fromBase64Url, fromUtf8, toBase64Url, utf8 } from "../../protocol/bytes.ts";
import { MusterError, publicError } from "../../protocol/errors.ts";
import { deviceIdOf } from "../../protocol/ids.ts";
import { jsonDepth } from "../../protocol/json-depth.ts";
import { JSON_MAX_DEPTH, REGISTER_TIMEOUT_MS } from "../../protocol/limits.ts";
import type { Log } from "../../protocol/log.ts";
import {
  clientToHub,
  PROTOCOL_VERSION,
  type ClientMessage,
  type ClientToHub,
  type HubToClient,
} from "../../protocol/messages.ts";
import { RESET } from "../../trunk/frame.ts";
import type { Wire } from "../../trunk/outbox.ts";
import { Trunk } from "../../trunk/trunk.ts";
import type { ByteStreamEvents, Clock, Timer, Timers } from "../../world/world.ts";
import type { PageDesk } from "./page-desk.ts";

export interface PageSessionOptions {
  clock: Clock;
  timers: Timers;
  crypto: Crypto;
  log: Log;
  version: string;
  /** Of this run's page, and no device's. */
  signer: Signer;
  /** Where the page is: `http://127.0.0.1:41234`. */
  origin: string;
  hubUrl(): string;
  /** The device that serves the page and takes its orders. */
  device(): { id: string; name: string };
  deviceKey: Uint8Array;
  knows(key: Uint8Array): boolean;
  desk: PageDesk;
  closed(): void;
}

/** The fleet is looked at anew this often while a page shows it. */
const LOOK_EVERY_MS = 2_000;
/** Asked and not answered yet. */
const ASKED_MAX = 32;

type State = { at: "waiting" | "checking" } | { at: "open"; browser: string };

export class PageSession {
  readonly #options: PageSessionOptions;
  readonly #trunk: Trunk;
  readonly #nonce: Uint8Array;
  readonly #limit: Timer;
  #state: State = { at: "waiting" };
  #looks: Timer | undefined;
  #shown = "";
  #asked = 0;

  constructor(options: PageSessionOptions, wire: Wire) {
    const { crypto, clock, timers, signer, version, log } = options;
    this.#options = options;
    this.#nonce = crypto.randomBytes(32);
    this.#trunk = new Trunk({
      role: "hub",
      stream: wire,
      timers,
      clock,
      events: {
        opened(stream) {
          stream.reset(RESET.refused);
          return { data() {}, drain() {}, end() {}, close() {} };
        },
        message: (bytes) => this.#heard(fromUtf8(bytes)),
        goaway() {},
        closed: () => this.#over(),
        failed: (error) => log.error("fault in a page's session", { error }),
      },
    });
    this.#limit = timers.after(REGISTER_TIMEOUT_MS, () =>
      this.#refuse(new MusterError("unavailable", "nobody registered in time")),
    );
    this.#send({
      type: "hello",
      protocol: [PROTOCOL_VERSION],
      hub_key: toBase64Url(signer.publicKey),
      nonce: toBase64Url(this.#nonce),
      version,
    });
  }

  /** Plug these under the connection. */
  get wire(): ByteStreamEvents {
    return this.#trunk.wire;
  }

  close(): void {
    this.#refuse(new MusterError("unavailable", "this device's agent serves its page no more"));
  }

  #heard(text: string | undefined): void {
    try {
      const message = readMessage(text);
      if (this.#state.at === "open") return this.#take(message, this.#state.browser);
      if (message.type !== "register" || this.#state.at === "checking") {
        throw new MusterError("protocol_error", `"${message.type}" before the registration was done`);
      }
      this.#state = { at: "checking" };
      this.#register(message).catch((error: unknown) => this.#refuse(error));
    } catch (error) {
      this.#refuse(error);
    }
  }

  async #register(message: ClientMessage<"register">): Promise<void> {
    const { crypto, signer, desk, device, deviceKey, hubUrl, knows } = this.#options;
    const handshake = this.#check(message);
    if (!knows(handshake.deviceKey)) {
      throw new MusterError("forbidden", "this browser was not let in here", {
        hint: "open the page by its link: muster open",
      });
    }
    desk.demandHub();
    const signature = toBase64Url(await proveHub(signer, handshake));
    this.#limit.cancel();
    const { id, name } = device();
    const browser = deviceIdOf(crypto.sha256(handshake.deviceKey));
    this.#state = { at: "open", browser };
    this.#send({
      type: "registered",
      device_id: browser,
      name: message.name,
      hostname: "",
      hub_url: hubUrl(),
      signature,
      served_by: { device_id: id, public_key: toBase64Url(deviceKey), name },
    });
    const log = desk.ownerLog();
    if (log !== undefined) this.#send(log);
  }

  #check(register: ClientMessage<"register">): Handshake {
    const { crypto, signer, origin } = this.#options;
    if (register.session_kind !== "person") {
      throw new MusterError("protocol_error", "only pages come here");
    }
    return checkDevice(
      crypto,
      {
        protocols: [PROTOCOL_VERSION],
        hubKey: signer.publicKey,
        nonce: this.#nonce,
        isOwnAddress: (dialled) => dialled === dialledAddress(origin),
        binding: new Uint8Array(0),
        bindingRule: { type: "browser", origin },
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
  }

  #take(message: ClientToHub, browser: string): void {
    if (!("id" in message) || message.id === undefined) return; // nobody waits for an answer
    const { id } = message;
    if (message.type === "fleet_watch") this.#watch();
    if (this.#asked >= ASKED_MAX) {
      return this.#answerError(id, new MusterError("too_many", "too much is asked at once"));
    }
    this.#asked += 1;
    this.#options.desk
      .answer(message, browser)
      .then(
        (answer) => this.#send(answer),
        (error: unknown) => this.#answerError(id, error),
      )
      .finally(() => (this.#asked -= 1));
  }

  #watch(): void {
    this.#looks ??= this.#options.timers.every(LOOK_EVERY_MS, () => {
      this.#look().catch((error: unknown) => this.#refuse(error));
    });
  }

  /** A page that can't be told the truth is told that: it shows what it has with its age, and comes back. */
  async #look(): Promise<void> {
    const { desk } = this.#options;
    desk.demandHub();
    const answer = await desk.answer({ type: "fleet_get", id: "look" }, "");
    if (answer.type !== "fleet") return;
    const { fleet } = answer;
    const shown = JSON.stringify(fleet);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#send({ type: "fleet", fleet });
  }

  #answerError(id: string, error: unknown): void {
    const told = publicError(error);
    if (told.code === "internal") this.#options.log.error("fault in a page's request", { error });
    this.#send({ type: "error", id, ...told.toJSON() });
  }

  #refuse(error: unknown): void {
    const told = publicError(error);
    if (told.code === "internal") this.#options.log.error("fault in a page's session", { error });
    this.#send({ type: "error", ...told.toJSON() });
    this.#trunk.close(told.code, told.message);
  }

  #send(message: HubToClient): void {
    this.#trunk.message(utf8(JSON.stringify(message)));
  }

  #over(): void {
    this.#limit.cancel();
    this.#looks?.cancel();
    this.#options.closed();
  }
}

function readMessage(text: string | undefined): ClientToHub {
  try {
    if (text !== undefined && jsonDepth(text) <= JSON_MAX_DEPTH) return clientToHub.parse(JSON.parse(text));
  } catch {
    // Refused below, like anything else that is no message.
  }
  throw new MusterError("protocol_error", "that is no message");
}

function bytesOf(text: string, length: number): Uint8Array {
  const bytes = fromBase64Url(text);
  if (bytes?.length === length) return bytes;
  throw new MusterError("protocol_error", `a value of ${length} bytes was due`);
}
