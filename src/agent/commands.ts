// Orders from the owner's page. The hub only hands them on: whether one is obeyed is decided here, by its
// signature and by this device's own copy of the owner log. Each is started at most once; a repeat is told the
// first outcome.
//
// There is no sealed session on this way, which is right only where page and agent meet inside one process: a
// device whose hub is elsewhere takes no command here.
import type { Kysely } from "kysely";
import { NO_SEALED_SESSION, type CommandKind } from "../client/command.ts";
import type { Crypto } from "../identity/crypto.ts";
import { concat, equalBytes, fromBase64Url, lv, toBase64Url, utf8 } from "../protocol/bytes.ts";
import { MusterError, publicError, type ErrorBody } from "../protocol/errors.ts";
import type { Log } from "../protocol/log.ts";
import type { ClientMessage, HubMessage } from "../protocol/messages.ts";
import { signedBytes } from "../protocol/signed.ts";
import { appendAudit } from "../store/audit.ts";
import type { Clock } from "../world/world.ts";
import { commandKind, obey, type CommandActions } from "./command-actions.ts";
import { acceptCommand, dropOldCommands, keepOutcome, type CommandName } from "./command-record.ts";
import type { OwnerBook } from "./owner-book.ts";
import type { StateDatabase } from "./state-migrations.ts";

type Command = HubMessage<"command">;
type Outcome = Pick<ClientMessage<"command_outcome">, "result" | "error">;

export interface CommandDeskOptions {
  db: Kysely<StateDatabase>;
  clock: Clock;
  crypto: Crypto;
  log: Log;
  device: { id: string; publicKey: Uint8Array };
  ownerRoot: string;
  /** This device's own process runs its hub. */
  embedded: boolean;
  book: OwnerBook;
  actions: CommandActions;
}

/** An app may take half a minute to start: more orders than this at once are no person's. */
const RUNNING_MAX = 32;
const KEY_BYTES = 32;

export class CommandDesk {
  readonly #options: CommandDeskOptions;
  /** Orders under way, by signer and id: a repeat waits for the same end. */
  readonly #running = new Map<string, Promise<Outcome>>();

  constructor(options: CommandDeskOptions) {
    this.#options = options;
  }

  /** Never rejects: what goes wrong is the answer. */
  async handle(message: Command): Promise<ClientMessage<"command_outcome">> {
    const outcome = await this.#outcome(message).catch((error: unknown) => this.#failure(error));
    return { type: "command_outcome", id: message.id, ...outcome };
  }

  /** Forgets what need not be remembered any more. */
  async tidy(): Promise<void> {
    const { db, clock, book } = this.#options;
    const nowMs = clock.now();
    await dropOldCommands(db, nowMs, (signer) => {
      const key = fromBase64Url(signer);
      // While the log is not to be believed nothing is forgotten.
      return key === undefined || book.log === undefined || book.log.mayCommand(key, nowMs);
    });
  }

  async #outcome(message: Command): Promise<Outcome> {
    const signer = this.#check(message);
    const kind = commandKind(message.kind);
    const name: CommandName = {
      signer: toBase64Url(signer),
      commandId: message.command_id,
      digest: this.#options.crypto.sha256(concat(lv(utf8(kind)), lv(utf8(message.request)))),
    };
    const key = `${name.signer} ${name.commandId}`;
    const running = this.#running.get(key);
    if (running === undefined && this.#running.size >= RUNNING_MAX) {
      throw new MusterError("too_many", `${RUNNING_MAX} commands are under way on this device`);
    }
    const accepted = await acceptCommand(this.#options.db, name, this.#options.clock.now());
    if (accepted.state === "reused") {
      throw new MusterError("conflict", "this command id was used for another command");
    }
    if (accepted.state === "known") return (await this.#running.get(key)) ?? firstOutcome(accepted.outcome);
    const work = this.#run(kind, message, name).finally(() => this.#running.delete(key));
    this.#running.set(key, work);
    return work;
  }

  /** The key that signed it. Throws when this is no command of a controller to this device, here and now. */
  #check(message: Command): Uint8Array {
    const { book, clock, crypto, device, embedded, ownerRoot } = this.#options;
    if (!embedded) throw forbidden("this device takes commands only in a sealed session");
    if (message.device_id !== device.id) throw forbidden("this command is for another device");
    if (message.owner_root !== ownerRoot)
      throw forbidden("this command is of an owner that this device does not know");
    const signer = fromBase64Url(message.signer);
    const sessionHash = fromBase64Url(message.session_hash);
    const signature = fromBase64Url(message.signature);
    if (signer?.length !== KEY_BYTES || signature === undefined) throw badSignature();
    if (sessionHash === undefined || !equalBytes(sessionHash, NO_SEALED_SESSION) || message.number !== 0) {
      throw forbidden("this command belongs to another session");
    }
    const problem = book.problem();
    if (book.log === undefined || problem !== undefined) throw problem ?? badSignature();
    if (!book.log.mayCommand(signer, clock.now())) {
      throw new MusterError("forbidden", "this key may not command this device", {
        hint: "a controller's right ends after 30 days in a browser: open a new login link",
      });
    }
    const bytes = signedBytes("command", {
      logId: book.log.id,
      signerKey: signer,
      deviceKey: device.publicKey,
      sessionHash,
      number: message.number,
      commandId: message.command_id,
      kind: message.kind,
      requestHash: crypto.sha256(utf8(message.request)),
    });
    if (!crypto.verifyEd25519(signer, bytes, signature)) throw badSignature();
    return signer;
  }

  async #run(kind: CommandKind, message: Command, name: CommandName): Promise<Outcome> {
    const { db, clock, ownerRoot } = this.#options;
    const outcome = await obey(this.#options.actions, kind, message.request).then(result, (error: unknown) =>
      this.#failure(error),
    );
    await keepOutcome(db, name, JSON.stringify(withoutPassword(outcome)));
    await appendAudit(db, {
      at: clock.now(),
      actor: `key:${name.signer}`,
      action: kind,
      target: `device:${this.#options.device.id}`,
      detail: { command_id: name.commandId, outcome: outcome.error?.code ?? "ok" },
      ownerRoot,
    });
    return outcome;
  }

  #failure(error: unknown): Outcome {
    const shown = publicError(error);
    if (shown.code === "internal") this.#options.log.error("fault in a command", { error });
    const body: ErrorBody = shown.toJSON();
    return { error: body };
  }
}

function result(value: unknown): Outcome {
  return { result: JSON.stringify(value) };
}

/** A made password is shown once and kept nowhere but as its verifier. */
function withoutPassword(outcome: Outcome): Outcome {
  if (outcome.result === undefined) return outcome;
  const value: unknown = JSON.parse(outcome.result);
  if (typeof value !== "object" || value === null || !("password" in value)) return outcome;
  const { password: _shownOnce, ...rest } = value;
  return result(rest);
}

function firstOutcome(json: string | null): Outcome {
  if (json === null) {
    return {
      error: {
        code: "unavailable",
        message: "the agent ended while this command ran, so its outcome is not known",
        hint: "look at the shares, then order again what is missing",
      },
    };
  }
  return JSON.parse(json) as Outcome; // written by keepOutcome alone
}

function forbidden(message: string): MusterError {
  return new MusterError("forbidden", message);
}

function badSignature(): MusterError {
  return new MusterError("bad_signature", "the command is not signed by the key that it names");
}
