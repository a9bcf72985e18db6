// What a kind of command is to the session that it came in: how it starts, what it hears, how it ends. A command
// may outlive its session; then another one of the same key may take its place.
import type { CommandName } from "../command-record.ts";
import type { ControllerMessage, SealedOutcome } from "../../protocol/command-messages.ts";

/** The far end, as the command sees it. Silent once it is gone. */
export interface CommandPeer {
  /** False: taken, but wait for `drain`. */
  send(channel: number, bytes: Uint8Array): boolean;
  /** How many bytes `send` takes now. */
  readonly roomBytes: number;
  /** So much of the input was used: as much may come again. */
  inputTaken(bytes: number): void;
}

export interface RunningCommand {
  /** For the far end, before anything else. */
  readonly facts: Record<string, unknown>;
  readonly outcome: Promise<SealedOutcome>;
  input(bytes: Uint8Array): void;
  message(message: ControllerMessage): void;
  /** The far end takes bytes again. */
  drain(): void;
  /** The session is gone. */
  left(): void;
  /** The same command came in a later session, while it still runs. */
  rejoin?(peer: CommandPeer): void;
  /** It was begun before: there is nothing new to record. `over`: and it has ended. */
  readonly repeated?: "running" | "over" | undefined;
  /** Its signer may not command any more. */
  revoke(): void;
}

export interface CommandKind<Request> {
  /**
   * Who remembers that it was taken: the session that it came in, where nothing is said; "own": what it begins, which
   * is then found again by `start`; "none": nobody, since it changes nothing.
   */
  readonly record?: "session" | "own" | "none";
  /** Throws a refusal, and then nothing was started. */
  start(request: Request, given: CommandOrigin): Promise<RunningCommand>;
  /** The owner log has grown: what was left by a key that may command no more ends as well. */
  lookAgain?(mayCommand: (signer: Uint8Array) => boolean): void;
}

export interface CommandOrigin {
  peer: CommandPeer;
  /** The key that signed it. */
  signer: Uint8Array;
  name: CommandName;
}
