// The device's end of controllers' sessions. Whether a command is obeyed is decided here and at that moment, by its
// signature and this device's own copy of the owner log; the hub only carried it. Each is taken once, in the
// statement that stores it, and how it ended is signed.
import type { Kysely } from "kysely";
import type { Crypto, Signer } from "../../identity/crypto.ts";
import type { OwnerLog } from "../../identity/owner-log.ts";
import {
  CommandChecker,
  signOutcome,
  type CommandProof,
  type CommandWish,
} from "../../identity/sealed/commands.ts";
import { concat, equalBytes, lv, toBase64Url, utf8 } from "../../protocol/bytes.ts";
import {
  controllerMessage,
  type DeviceMessage,
  type SealedKind,
  type SealedOutcome,
  type SealedRequest,
} from "../../protocol/command-messages.ts";
import { MusterError, publicError } from "../../protocol/errors.ts";
import type { Log } from "../../protocol/log.ts";
import { isPairPurpose, readSessionCall, SESSION_RESET } from "../../protocol/session-open.ts";
import { appendAudit } from "../../store/audit.ts";
import { RESET } from "../../trunk/frame.ts";
import type { TrunkStream, TrunkStreamEvents } from "../../trunk/stream.ts";
import type { Clock, Timer, Timers } from "../../world/world.ts";
import { acceptCommand, keepOutcome, type CommandName } from "../command-record.ts";
import type { CommandKind, CommandPeer, RunningCommand } from "../exec/command-kind.ts";
import type { ObeyedLog, ObeyedLogs } from "../obeyed-logs.ts";
import type { StateDatabase } from "../state-migrations.ts";
import { lateStream } from "../../trunk/late-stream.ts";
import { kindOf, requestOf, storedOutcome } from "./command-texts.ts";
import { takeLogEntries } from "./log-carrier.ts";
import { CommandLink, type LinkIdentity } from "../../client/commands/command-link.ts";

/** What this device lets be done to it, beside the owner log. */
export interface CommandPolicy {
  exec: "owner" | "off";
  browser: "on" | "off";
}

export interface CommandSessionsOptions {
  db: Kysely<StateDatabase>;
  clock: Clock;
  timers: Timers;
  crypto: Crypto;
  log: Log;
  signer: Signer;
  link: LinkIdentity;
  deviceId: string;
  ownerRoot: string;
  logs: Pick<ObeyedLogs, "find" | "take" | "mayCommand">;
  policy: CommandPolicy;
  kinds: { [Kind in SealedKind]: CommandKind<SealedRequest<Kind>> };
}

const SESSIONS_MAX = 128;
/** The longest that a timer counts. */
const TIMER_MAX_MS = 2 ** 31 - 1;
interface TakenCommand {
  wish: CommandWish;
  name: CommandName;
  kind: SealedKind;
  request: unknown;
}

interface Known {
  running: RunningCommand | undefined;
  /** The session that sees it; the newest one. */
  holder: DeviceSession;
  outcome: Promise<SealedOutcome>;
}

export class CommandSessions {
  readonly #options: CommandSessionsOptions;
  readonly #sessions = new Set<DeviceSession>();
  /** Under way, by signer and id. */
  readonly #commands = new Map<string, Known>();
  #opening = 0;

  constructor(options: CommandSessionsOptions) {
    this.#options = options;
  }

  /** A stream that the hub says a controller opened. */
  open(stream: TrunkStream, payload: Uint8Array): TrunkStreamEvents {
    const call = readSessionCall(payload);
    const full = this.#sessions.size + this.#opening >= SESSIONS_MAX;
    if (call === undefined || isPairPurpose(call.purpose) || full) {
      stream.reset(full ? SESSION_RESET.tooMany : RESET.refused);
      return { data() {}, drain() {}, end() {}, close() {} };
    }
    if (call.purpose === "log")
      return takeLogEntries({ book: this.#options.logs, log: this.#options.log }, stream);
    stream.pause();
    const late = lateStream(
      () => stream,
      () => {},
    );
    this.#opening += 1;
    this.#begin(stream, call.callerKey, late.hand)
      .catch((error: unknown) => {
        this.#options.log.error("fault in a session of commands", { error });
        stream.reset(RESET.internal);
      })
      .finally(() => (this.#opening -= 1));
    return late.events;
  }

  /** The owner log has grown: who may not command any more is cut, with all that it runs. */
  look(): void {
    for (const session of this.#sessions) session.lookAgain();
    const { kinds, logs, clock } = this.#options;
    for (const kind of Object.values(kinds))
      kind.lookAgain?.((signer) => logs.mayCommand(signer, clock.now()));
  }

  close(): void {
    for (const session of this.#sessions) session.close();
  }

  async #begin(
    stream: TrunkStream,
    callerKey: Uint8Array,
    hand: ReturnType<typeof lateStream>["hand"],
  ): Promise<void> {
    const known = await this.#options.logs.find(callerKey);
    if (known === undefined) return stream.reset(SESSION_RESET.unknownCaller);
    const session: DeviceSession = new DeviceSession(this.#options, this.#commands, {
      stream,
      book: known.log,
      peer: { identityKey: callerKey, linkKey: known.linkKey },
      gone: () => this.#sessions.delete(session),
    });
    this.#sessions.add(session);
    hand(session.streamEvents);
  }
}

class DeviceSession {
  readonly #options: CommandSessionsOptions;
  readonly #commands: Map<string, Known>;
  /** The log that the caller's right is in. */
  readonly #book: ObeyedLog;
  readonly #callerKey: Uint8Array;
  readonly #link: CommandLink;
  readonly #gone: () => void;
  #checker: CommandChecker | undefined;
  #expiry: Timer | undefined;
  #running: RunningCommand | undefined;
  #known: Known | undefined;
  /** A command is being stored or started. */
  #busy = false;
  #over = false;

  constructor(
    options: CommandSessionsOptions,
    commands: Map<string, Known>,
    given: {
      stream: TrunkStream;
      book: ObeyedLog;
      peer: { identityKey: Uint8Array; linkKey: Uint8Array };
      gone(): void;
    },
  ) {
    const { stream, book, peer, gone } = given;
    this.#options = options;
    this.#commands = commands;
    this.#book = book;
    this.#callerKey = peer.identityKey;
    this.#gone = gone;
    this.#link = new CommandLink(
      { own: options.link, timers: options.timers, role: "responder", peer, stream, book },
      {
        level: (hash) => this.#level(hash),
        message: (message) => this.#message(message),
        bytes: (_, bytes) => this.#running?.input(bytes),
        drain: () => this.#running?.drain(),
        end: () => this.#link.end(),
        close: (problem) => this.#closed(problem),
      },
    );
  }

  get streamEvents(): CommandLink["streamEvents"] {
    return this.#link.streamEvents;
  }

  lookAgain(): void {
    const refusal = this.#refusal();
    if (refusal === undefined) return this.#watchExpiry();
    this.#running?.revoke();
    this.#link.refuse(refusal);
  }

  close(): void {
    this.#link.close();
    this.#closed(undefined);
  }

  #level(sessionHash: Uint8Array): void {
    const refusal = this.#refusal();
    if (refusal !== undefined) return this.#link.refuse(refusal);
    const { crypto, signer } = this.#options;
    this.#checker = new CommandChecker({
      crypto,
      sessionHash,
      signerKey: this.#callerKey,
      deviceKey: signer.publicKey,
    });
    this.#watchExpiry();
    this.#say({ type: "ready" });
  }

  /** Why this caller may not command now, by this device's own copy of the log and its policy. */
  #refusal(): MusterError | undefined {
    const { policy, clock } = this.#options;
    const problem = this.#book.refusal();
    if (problem !== undefined) return problem;
    const log = this.#book.log as OwnerLog; // refusal() names its absence
    if (log.wasRemoved(this.#callerKey)) return forbidden("this key was removed from its owner");
    const caller = log.participant(this.#callerKey);
    if (caller === undefined) return forbidden("this key belongs to no owner of this device");
    if (!log.mayCommand(this.#callerKey, clock.now())) {
      const until = caller.controller?.untilMs;
      return typeof until === "number"
        ? forbidden(`the right of this key to command ended at ${new Date(until).toISOString()}`)
        : forbidden("this key is a member: it commands nothing");
    }
    if (policy.exec === "off") {
      return forbidden("this device takes no commands", 'it says [policy] exec = "off" in its muster.toml');
    }
    if (caller.kind === "browser" && policy.browser === "off") {
      return forbidden("this device takes no commands from browsers");
    }
    return undefined;
  }

  #watchExpiry(): void {
    this.#expiry?.cancel();
    const { clock, timers } = this.#options;
    const untilMs = this.#book.log?.participant(this.#callerKey)?.controller?.untilMs ?? undefined;
    if (untilMs === undefined || this.#over) return;
    const restMs = Math.min(TIMER_MAX_MS, Math.max(0, untilMs - clock.now()));
    this.#expiry = timers.after(restMs, () => this.lookAgain());
  }

  #message(message: unknown): void {
    const control = controllerMessage.safeParse(message);
    if (control.success) return this.#running?.message(control.data);
    this.#command(message).catch((error: unknown) => this.#link.refuse(publicError(error)));
  }

  async #command(message: unknown): Promise<void> {
    if (this.#checker === undefined || this.#busy || this.#running !== undefined) {
      throw new MusterError("protocol_error", "a session carries one command at a time");
    }
    this.#busy = true;
    const { wish, proof } = this.#checker.check(message);
    // Between the beginning of the session and now the log may have grown.
    const refusal = this.#refusal();
    if (refusal !== undefined) throw refusal;
    if (!equalBytes(wish.logId, this.#book.log?.id ?? new Uint8Array(0))) {
      throw forbidden("the command is given by leave of another owner log");
    }
    const outcome = await this.#take(wish, proof).catch((error: unknown) => this.#failure(error));
    this.#running = undefined;
    const { crypto, signer } = this.#options;
    const signed = await signOutcome(crypto, signer, { proof, outcome: JSON.stringify(outcome) });
    this.#busy = false;
    this.#say(signed);
  }

  async #take(wish: CommandWish, proof: CommandProof): Promise<SealedOutcome> {
    const { db, clock, crypto } = this.#options;
    const name: CommandName = {
      signer: toBase64Url(proof.signerKey),
      commandId: wish.commandId,
      digest: crypto.sha256(concat(lv(utf8(wish.kind)), lv(utf8(wish.request)))),
    };
    const kind = kindOf(wish.kind);
    const request = requestOf(kind, wish.request);
    const command = { wish, name, kind, request };
    if ((this.#options.kinds[kind].record ?? "session") !== "session") return this.#takeOwn(command);
    const accepted = await acceptCommand(db, name, clock.now());
    if (accepted.state === "reused") {
      throw new MusterError("conflict", "this command id was used for another command");
    }
    const place = `${name.signer} ${name.commandId}`;
    if (accepted.state === "known") {
      const known = this.#commands.get(place);
      if (known === undefined) return storedOutcome(accepted.outcome);
      this.#rejoin(wish, known);
      return known.outcome;
    }
    const { promise: outcome, resolve } = Promise.withResolvers<SealedOutcome>();
    const known: Known = { running: undefined, holder: this, outcome };
    this.#known = known;
    this.#commands.set(place, known);
    const ended = await this.#run(command, known).catch((error: unknown) => this.#failure(error));
    await keepOutcome(db, name, JSON.stringify(ended)).catch((error: unknown) => {
      this.#options.log.error("the outcome of a command could not be kept", { error });
    });
    this.#commands.delete(place);
    resolve(ended);
    await this.#record(kind, { name, outcome: ended });
    return ended;
  }

  /** Of a kind that remembers by itself what it took, or need not. */
  async #takeOwn(command: TakenCommand): Promise<SealedOutcome> {
    const { kind, name } = command;
    const running = await this.#start(command);
    const ended = await running.outcome.catch((error: unknown) => this.#failure(error));
    const isNew = this.#options.kinds[kind].record === "own" && running.repeated === undefined;
    if (isNew) await this.#record(kind, { name, outcome: ended });
    return ended;
  }

  async #run(command: TakenCommand, known: Known): Promise<SealedOutcome> {
    const running = await this.#start(command);
    known.running = running;
    return running.outcome;
  }

  async #start({ wish, name, kind, request }: TakenCommand): Promise<RunningCommand> {
    // The shape of the request was checked by the schema of this very kind.
    const { start } = this.#options.kinds[kind] as CommandKind<unknown>;
    const running = await start.call(this.#options.kinds[kind], request, {
      peer: this.#peer(),
      signer: this.#callerKey,
      name,
    });
    this.#running = running;
    // The right may have ended while it was being started, and so may the session.
    if (this.#refusal() !== undefined) running.revoke();
    if (this.#over) running.left();
    if (running.repeated !== "over") {
      this.#say({ type: "accepted", command_id: wish.commandId, facts: running.facts });
    }
    return running;
  }

  #rejoin(wish: CommandWish, known: Known): void {
    if (known.running?.rejoin === undefined) return;
    this.#running = known.running;
    this.#known = known;
    known.holder = this;
    this.#say({ type: "accepted", command_id: wish.commandId, facts: known.running.facts });
    known.running.rejoin(this.#peer());
  }

  #peer(): CommandPeer {
    const link = this.#link;
    const isOver = (): boolean => this.#over;
    return {
      send: (channel, bytes) => link.sendBytes(channel, bytes),
      get roomBytes() {
        return isOver() ? 0 : link.roomBytes;
      },
      inputTaken: (bytes) => bytes > 0 && this.#say({ type: "input_taken", bytes }),
    };
  }

  async #record(
    kind: SealedKind,
    { name, outcome }: { name: CommandName; outcome: SealedOutcome },
  ): Promise<void> {
    const { db, clock, deviceId, ownerRoot, log } = this.#options;
    const row = {
      at: clock.now(),
      actor: `key:${name.signer}`,
      action: kind,
      target: `device:${deviceId}`,
      detail: { command_id: name.commandId, outcome: outcome.error?.code ?? "ok" },
      ownerRoot,
    };
    await appendAudit(db, row).catch((error: unknown) => log.error("no audit row", { error }));
  }

  #failure(error: unknown): SealedOutcome {
    const shown = publicError(error);
    if (shown.code === "internal") this.#options.log.error("fault in a command", { error });
    return { error: shown.toJSON() };
  }

  #say(message: DeviceMessage): void {
    this.#link.send(message);
  }

  #closed(problem: MusterError | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#expiry?.cancel();
    if (problem !== undefined) {
      const caller = toBase64Url(this.#callerKey);
      this.#options.log.info("a session of commands ended", {
        caller,
        // A field `code` would be taken for a code of a pairing and hidden.
        error_code: problem.code,
        problem: problem.message,
      });
    }
    // A later session may have taken the command over.
    if (this.#known === undefined || this.#known.holder === this) this.#running?.left();
    this.#running = undefined;
    this.#gone();
  }
}

function forbidden(message: string, hint?: string): MusterError {
  return new MusterError("forbidden", message, hint === undefined ? {} : { hint });
}
