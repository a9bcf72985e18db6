// `muster shell DEVICE`: a terminal there. Keys go as they are; the far shell's size follows this one's.

import { shellFacts, shellResult } from "../../protocol/command-messages.ts";
import { MusterError } from "../../protocol/errors.ts";
import type { Invocation } from "../invocation.ts";
import { hearOrder, withOrders } from "../orders.ts";
import { plainLine } from "../plain-text.ts";
import { pause } from "../wait.ts";

const USUAL = { cols: 80, rows: 24 } as const;
const SIDE_MAX = 1000;
/** What a terminal takes as the end of its input. */
const END_OF_INPUT = Uint8Array.of(4);
const END_AGAIN_MS = 1_000;

export async function shell(
  invocation: Invocation,
  device: string,
  flags: { session?: string | undefined },
): Promise<number> {
  const { surroundings } = invocation;
  const { stdin, stdout, environment } = surroundings;
  if (invocation.json) throw new MusterError("usage", "a shell has no --json", { hint: "see muster run" });
  const size = (): { cols: number; rows: number } => ({
    cols: side(stdout.columns, USUAL.cols),
    rows: side(stdout.rows, USUAL.rows),
  });
  const term = environment["TERM"];
  return withOrders(invocation, async (orders) => {
    const body = await orders.shell({
      device,
      request: {
        ...size(),
        ...(flags.session === undefined ? {} : { session: flags.session }),
        ...(term !== undefined && /^[A-Za-z0-9._+-]{1,40}$/.test(term) ? { term } : {}),
      },
    });
    let order = "";
    let session = "";
    let keys: AsyncIterator<Uint8Array> | undefined;
    const over = new AbortController();
    const whileOpen = { ...invocation, interrupted: AbortSignal.any([invocation.interrupted, over.signal]) };
    const resized = surroundings.onResize(() => {
      if (order !== "") orders.tell(order, { type: "resize", ...size() }).catch(() => {});
    });
    try {
      const result = shellResult.parse(
        await hearOrder(invocation, body, {
          device,
          opened: (id) => (order = id),
          accepted({ facts }) {
            session = shellFacts.parse(facts).session;
            stdin.setRaw(true);
            keys = stdin.pieces()[Symbol.asyncIterator]();
            const send = (bytes: Uint8Array) => orders.input(order, bytes);
            void type(keys, send, () => pause(whileOpen, END_AGAIN_MS));
          },
          output: (_, bytes) => stdout.bytes(bytes),
        }),
      );
      return result.left ? 0 : (result.exit_code ?? 1);
    } catch (error) {
      stdin.setRaw(false);
      const cut = error instanceof MusterError && error.code === "session_cut" && session !== "";
      throw cut
        ? new MusterError("session_cut", "the shell's session was cut", {
            hint: `it is kept for ten minutes: muster shell ${plainLine(device)} --session ${session}`,
          })
        : error;
    } finally {
      over.abort();
      resized();
      stdin.setRaw(false);
      void keys?.return?.();
    }
  });
}

async function type(
  keys: AsyncIterator<Uint8Array>,
  send: (bytes: Uint8Array) => Promise<void>,
  rest: () => Promise<void>,
): Promise<void> {
  try {
    for (let piece = await keys.next(); piece.done !== true; piece = await keys.next()) {
      await send(piece.value);
    }
    // Typed until it is heard: it ends one reader of the terminal at a time, and none that is only beginning.
    for (;;) {
      await send(END_OF_INPUT);
      await rest();
    }
  } catch {
    // The shell has ended, which is told elsewhere.
  }
}

function side(known: number | undefined, usual: number): number {
  return known === undefined || known < 1 ? usual : Math.min(known, SIDE_MAX);
}
