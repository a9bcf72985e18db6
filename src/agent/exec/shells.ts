// Terminals of this machine for its owner. A shell outlives its session by ten minutes, with the last mebibyte of
// what it showed; the same key may take it up again. A reader that is too slow misses bytes and is told so: nothing
// here waits for it, and nothing grows.
import { CHANNEL, type SealedOutcome, type SealedRequest } from "../../protocol/command-messages.ts";
import { equalBytes, utf8 } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";
import { newRowId } from "../../store/row-id.ts";
import type { Programs, Random, TerminalProgram, Timer, Timers } from "../../world/world.ts";
import type { CommandKind, CommandOrigin, CommandPeer, RunningCommand } from "./command-kind.ts";
import { OutputLog } from "./output-log.ts";

export const SCROLLBACK_BYTES = 1024 * 1024;
export const KEPT_MS = 10 * 60_000;
const SHELLS_MAX = 32;
const PIECE_BYTES = 32 * 1024;
/** A hung-up shell that stays is ended. */
const KILL_AFTER_MS = 3000;
const TERM_USUAL = "xterm-256color";

export interface ShellsOptions {
  programs: Programs;
  timers: Timers;
  random: Pick<Random, "bytes">;
  home: string;
  environment: Record<string, string>;
}

export class Shells implements CommandKind<SealedRequest<"shell">> {
  readonly #options: ShellsOptions;
  readonly #shells = new Map<string, Shell>();

  constructor(options: ShellsOptions) {
    this.#options = options;
  }

  async start(request: SealedRequest<"shell">, { peer, signer }: CommandOrigin): Promise<RunningCommand> {
    const known = request.session === undefined ? undefined : this.#shells.get(request.session);
    if (request.session !== undefined && (known === undefined || !equalBytes(known.signer, signer))) {
      throw new MusterError("not_found", `there is no shell "${request.session}" to take up again`, {
        hint: "one that was left is kept for ten minutes",
      });
    }
    if (known === undefined && this.#shells.size >= SHELLS_MAX) {
      throw new MusterError("too_many", `${SHELLS_MAX} shells are open on this device`);
    }
    const shell = known ?? this.#open(request, signer);
    return shell.attach(peer, request);
  }

  lookAgain(mayCommand: (signer: Uint8Array) => boolean): void {
    for (const shell of this.#shells.values()) if (!mayCommand(shell.signer)) shell.hangUp();
  }

  /** The agent ends. */
  close(): void {
    for (const shell of this.#shells.values()) shell.hangUp();
  }

  #open(request: SealedRequest<"shell">, signer: Uint8Array): Shell {
    const id = newRowId(this.#options.random);
    const shell = new Shell(this.#options, { id, signer, request, gone: () => this.#shells.delete(id) });
    this.#shells.set(id, shell);
    return shell;
  }
}

interface Seat {
  peer: CommandPeer;
  /** Of the next byte that this one is to see. */
  at: number;
  settle(outcome: SealedOutcome): void;
}

class Shell {
  readonly id: string;
  readonly signer: Uint8Array;
  readonly #options: ShellsOptions;
  readonly #program: TerminalProgram;
  readonly #log = new OutputLog(SCROLLBACK_BYTES);
  readonly #gone: () => void;
  #seat: Seat | undefined;
  #forget: Timer | undefined;
  #over = false;

  constructor(
    options: ShellsOptions,
    given: { id: string; signer: Uint8Array; request: SealedRequest<"shell">; gone(): void },
  ) {
    const { id, signer, request, gone } = given;
    this.id = id;
    this.signer = signer;
    this.#options = options;
    this.#gone = gone;
    const { environment, home } = options;
    const program = environment["SHELL"] ?? "/bin/sh";
    this.#program = options.programs.terminal({
      command: [program, "-l"],
      cwd: home,
      environment: { ...environment, TERM: request.term ?? TERM_USUAL, MUSTER_SHELL: id },
      cols: request.cols,
      rows: request.rows,
      output: (bytes) => {
        this.#log.push(bytes);
        this.#show();
      },
      ended: (code, signal) => this.#ended(code, signal),
    });
  }

  /** Whoever sat there before is sent away. */
  attach(peer: CommandPeer, { cols, rows }: { cols: number; rows: number }): RunningCommand {
    this.#leave("another session took this shell");
    this.#forget?.cancel();
    const { promise: outcome, resolve: settle } = Promise.withResolvers<SealedOutcome>();
    const { start, end } = this.#log;
    const seat: Seat = { peer, at: start, settle };
    this.#seat = seat;
    this.#program.resize(cols, rows);
    // Its first bytes come behind the word that it was accepted.
    this.#options.timers.soon(() => this.#show());
    return {
      facts: { session: this.id, pid: this.#program.pid, past: end - start },
      outcome,
      input: (bytes) => {
        if (this.#seat !== seat) return;
        this.#program.write(bytes);
        peer.inputTaken(bytes.length);
      },
      message: (message) => {
        if (this.#seat !== seat) return;
        if (message.type === "resize") this.#program.resize(message.cols, message.rows);
        else if (message.type === "signal") this.#program.signal(message.name);
      },
      drain: () => this.#seat === seat && this.#show(),
      left: () => this.#seat === seat && this.#leave("it was left; it is kept for ten minutes"),
      revoke: () => this.hangUp(),
    };
  }

  hangUp(): void {
    if (this.#over) return;
    this.#program.signal("HUP");
    this.#program.close();
    this.#options.timers.after(KILL_AFTER_MS, () => !this.#over && this.#program.signal("KILL"));
  }

  #show(): void {
    const seat = this.#seat;
    if (seat === undefined) return;
    while (seat.at < this.#log.end && seat.peer.roomBytes > 0) {
      const { bytes, from } = this.#log.read(seat.at, Math.min(PIECE_BYTES, seat.peer.roomBytes));
      const missed = from - seat.at;
      seat.at = from + bytes.length;
      if (missed > 0) seat.peer.send(CHANNEL.output, utf8(`\r\n[${missed} bytes were not shown]\r\n`));
      if (!seat.peer.send(CHANNEL.output, bytes)) return;
    }
  }

  #leave(why: string): void {
    const seat = this.#seat;
    if (seat === undefined) return;
    this.#seat = undefined;
    seat.settle({ result: { left: true, session: this.id, reason: why } });
    this.#forget = this.#options.timers.after(KEPT_MS, () => this.hangUp());
  }

  #ended(code: number | null, signal: string | null): void {
    this.#over = true;
    this.#forget?.cancel();
    this.#show();
    this.#seat?.settle({ result: { left: false, exit_code: code, signal } });
    this.#seat = undefined;
    this.#program.close();
    this.#gone();
  }
}
