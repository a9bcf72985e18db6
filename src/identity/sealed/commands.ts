// Orders inside a sealed session: signed by a controller for one device, one session and one place in it, so
// that no bytes of one are worth anything elsewhere. The device signs how each ended.
//
// Whether that controller may order this is for the owner log; whether the id was taken before, for the device's
// store.

import { z } from "zod";
import { fromBase64Url, toBase64Url, utf8 } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";
import { signedBytes } from "../../protocol/signed.ts";
import type { Crypto, Signer } from "../crypto.ts";

const bytes32 = z.string().regex(/^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/);
const bytes64 = z.string().regex(/^[A-Za-z0-9_-]{85}[AQgw]$/);
/** A lone surrogate would be hashed as another text. */
const jsonText = z
  .string()
  .max(1_000_000)
  .refine((text) => text.isWellFormed());
const commandId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/);

export const signedCommand = z.object({
  type: z.literal("command"),
  /** The owner log by whose leave it is given. */
  log: bytes32,
  /** From 0, one more for each command of the session. */
  number: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
  command_id: commandId,
  kind: z.string().regex(/^[a-z][a-z0-9._-]{0,63}$/),
  /** The whole request as JSON text: its bytes are what the signature covers. */
  request: jsonText,
  signature: bytes64,
});
export const signedOutcome = z.object({
  type: z.literal("outcome"),
  command_id: commandId,
  /** As JSON text. */
  outcome: jsonText,
  signature: bytes64,
});
export type SignedCommand = z.infer<typeof signedCommand>;
export type SignedOutcome = z.infer<typeof signedOutcome>;

/** The two ends of the session that a command travels in, as both know them. */
export interface CommandSession {
  crypto: Crypto;
  /** What `SealedSessionEvents.open` gave. */
  sessionHash: Uint8Array;
  /** The controller's identity key. */
  signerKey: Uint8Array;
  deviceKey: Uint8Array;
}

export interface CommandWish {
  /** Id of the owner log. */
  logId: Uint8Array;
  commandId: string;
  kind: string;
  request: string;
}

/** What a command was, for whoever signs or checks its outcome. */
export interface CommandProof {
  logId: Uint8Array;
  signerKey: Uint8Array;
  deviceKey: Uint8Array;
  commandId: string;
  requestHash: Uint8Array;
}

/** The controller's end: counts what it signs. */
export class CommandSigner {
  readonly #session: CommandSession;
  readonly #signer: Signer;
  #number = 0;

  constructor(session: Omit<CommandSession, "signerKey">, signer: Signer) {
    this.#session = { ...session, signerKey: signer.publicKey };
    this.#signer = signer;
  }

  /** To be sent in the order of the calls. */
  async sign(wish: CommandWish): Promise<{ command: SignedCommand; proof: CommandProof }> {
    const number = this.#number++;
    const proof = proofOf(this.#session, wish);
    const signature = await this.#signer.sign(
      commandBytes(this.#session, { proof, number, kind: wish.kind }),
    );
    const command: SignedCommand = {
      type: "command",
      log: toBase64Url(wish.logId),
      number,
      command_id: wish.commandId,
      kind: wish.kind,
      request: wish.request,
      signature: toBase64Url(signature),
    };
    return { command, proof };
  }
}

/** The device's end: takes each number once, in order. */
export class CommandChecker {
  readonly #session: CommandSession;
  #number = 0;

  constructor(session: CommandSession) {
    this.#session = session;
  }

  /**
   * Throws `protocol_error` for what is no command or has another number than is due, `bad_signature` for what
   * the peer of this session did not sign for it.
   */
  check(message: unknown): { wish: CommandWish; proof: CommandProof } {
    const read = signedCommand.safeParse(message);
    if (!read.success) throw new MusterError("protocol_error", "a command cannot be read");
    const { log, number, command_id, kind, request, signature } = read.data;
    if (number !== this.#number) {
      throw new MusterError(
        "protocol_error",
        `command ${number} of the session came in place of ${this.#number}`,
      );
    }
    const wish = { logId: bytesOf(log), commandId: command_id, kind, request };
    const proof = proofOf(this.#session, wish);
    const { crypto, signerKey } = this.#session;
    const signed = commandBytes(this.#session, { proof, number, kind });
    if (!crypto.verifyEd25519(signerKey, signed, bytesOf(signature))) {
      throw new MusterError("bad_signature", `the command "${kind}" is not signed for this session`);
    }
    this.#number++;
    return { wish, proof };
  }
}

export async function signOutcome(
  crypto: Crypto,
  device: Signer,
  ended: { proof: CommandProof; outcome: string },
): Promise<SignedOutcome> {
  const { proof, outcome } = ended;
  const signature = await device.sign(outcomeBytes(crypto, proof, outcome));
  return { type: "outcome", command_id: proof.commandId, outcome, signature: toBase64Url(signature) };
}

/** The outcome's text. Throws `protocol_error` or `bad_signature`. */
export function checkOutcome(crypto: Crypto, proof: CommandProof, message: unknown): string {
  const read = signedOutcome.safeParse(message);
  if (!read.success || read.data.command_id !== proof.commandId) {
    throw new MusterError("protocol_error", "the outcome of a command cannot be read, or is of another one");
  }
  const { outcome, signature } = read.data;
  if (crypto.verifyEd25519(proof.deviceKey, outcomeBytes(crypto, proof, outcome), bytesOf(signature))) {
    return outcome;
  }
  throw new MusterError("bad_signature", "the outcome of a command is not signed by its device");
}

function proofOf(session: CommandSession, wish: CommandWish): CommandProof {
  return {
    logId: wish.logId,
    signerKey: session.signerKey,
    deviceKey: session.deviceKey,
    commandId: wish.commandId,
    requestHash: session.crypto.sha256(utf8(wish.request)),
  };
}

function commandBytes(
  session: CommandSession,
  command: { proof: CommandProof; number: number; kind: string },
): Uint8Array {
  const { proof, number, kind } = command;
  return signedBytes("command", { ...proof, sessionHash: session.sessionHash, number, kind });
}

function outcomeBytes(crypto: Crypto, proof: CommandProof, outcome: string): Uint8Array {
  return signedBytes("outcome", { ...proof, outcomeHash: crypto.sha256(utf8(outcome)) });
}

/** Of text that a schema has checked. */
function bytesOf(text: string): Uint8Array {
  const bytes = fromBase64Url(text);
  if (bytes === undefined) throw new RangeError("the schema let through what is no base64url");
  return bytes;
}
