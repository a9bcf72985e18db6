// The command `exec`: a program on this machine, its output as it comes. It runs on when its session is cut, and
// the same command in a later session sees the rest.
import { CHANNEL, type SealedRequest } from "../../protocol/command-messages.ts";
import type { CommandKind, CommandPeer } from "./command-kind.ts";
import type { Runner, Watcher } from "./runner.ts";

export function execCommand(runner: Runner): CommandKind<SealedRequest<"exec">> {
  return {
    async start(request, { peer }) {
      const run = runner.start(request, watcherOf(peer));
      return {
        facts: { pid: run.pid },
        outcome: run.ended.then((result) => ({ result: { ...result } })),
        input: (bytes) => run.input(bytes),
        message(message) {
          if (message.type === "input_end") run.endInput();
          // The first asks; who asks so is done with it.
          else if (message.type === "signal" && message.name === "TERM") run.cancel();
          else if (message.type === "signal") run.signal(message.name);
        },
        drain: () => run.drained(),
        left: () => run.watch(undefined),
        rejoin: (next) => run.watch(watcherOf(next)),
        revoke: () => run.cancel(),
      };
    },
  };
}

function watcherOf(peer: CommandPeer): Watcher {
  return {
    output: (from, bytes) => peer.send(from === "stdout" ? CHANNEL.output : CHANNEL.errors, bytes),
    inputTaken: (bytes) => peer.inputTaken(bytes),
  };
}
