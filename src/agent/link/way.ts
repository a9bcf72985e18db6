// Which way leads to the hub. A box in between may let no unknown upgrade through; WebSockets pass nearly
// everywhere, carry the same frames and cost a little more. What worked is kept, and the cheaper way is tried
// again now and then, since boxes are replaced and laptops move.
import { MusterError } from "../../protocol/errors.ts";
import { WebSocketWire } from "../../trunk/web-socket.ts";
import { dialTrunk, type Dial, type Dialled, type DialWorld, type Way } from "./dial.ts";
import { proxyUrl } from "./proxy.ts";

/** Every how many dials a WebSocket user tries the trunk again. */
export const TRUNK_AGAIN_EVERY = 8;
/** What may come between a WebSocket's opening and its first reader. */
const EARLY_MAX = 16;

export class WayMemory {
  #known: Way = "trunk";
  #dials = 0;

  /** Where to begin. */
  next(): Way {
    if (this.#known === "trunk") return "trunk";
    this.#dials += 1;
    return this.#dials % TRUNK_AGAIN_EVERY === 0 ? "trunk" : "web_socket";
  }

  /** A session stood on it. */
  worked(way: Way): void {
    if (way !== this.#known) this.#dials = 0;
    this.#known = way;
  }

  /** Nothing came of it: the next dial begins from the start. */
  failed(way: Way): void {
    if (way === "web_socket") this.#known = "trunk";
  }
}

/** By the way that is known to work, else by the trunk, else by a WebSocket. */
export async function dialHub(world: DialWorld, dial: Dial, ways: WayMemory): Promise<Dialled> {
  if (ways.next() === "web_socket") {
    return dialWebSocket(world, dial).catch((error: unknown) => {
      ways.failed("web_socket");
      throw error;
    });
  }
  try {
    return await dialTrunk(world, dial);
  } catch (refused) {
    // Only what answers without opening a trunk may still take a WebSocket.
    if (!(refused instanceof MusterError) || refused.code !== "unavailable") throw refused;
    return dialWebSocket(world, dial).catch(() => {
      ways.failed("web_socket");
      throw refused;
    });
  }
}

/** Rejects with `hub_unreachable`. */
async function dialWebSocket({ network, timers }: DialWorld, { address, timeoutMs }: Dial): Promise<Dialled> {
  const { url, ca, proxy } = address;
  const early: (string | Uint8Array)[] = [];
  let wire: WebSocketWire | undefined;
  let closedEarly = false;
  let taken = false;
  try {
    await network.webSocket(`${new URL(url).origin.replace(/^http/, "ws")}/ws`, {
      timeoutMs,
      ...(ca === undefined ? {} : { ca }),
      ...(proxy === undefined ? {} : { proxy: proxyUrl(proxy).reveal() }),
      opened(peer) {
        const opened = new WebSocketWire(peer, timers);
        wire = opened;
        return {
          message(data) {
            if (taken) opened.message(data);
            else if (early.push(data) > EARLY_MAX) opened.close();
          },
          drain: () => opened.drained(),
          close() {
            closedEarly = !taken;
            opened.closed();
          },
        };
      },
    });
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new MusterError("hub_unreachable", `can't open a WebSocket to the hub at ${url}: ${text}`, {
      cause: error,
    });
  }
  const opened = wire;
  if (opened === undefined) throw new Error("a WebSocket opened and nobody was told");
  return {
    way: "web_socket",
    wire: opened,
    // A WebSocket does not show its TLS.
    binding: new Uint8Array(0),
    take(events) {
      taken = true;
      opened.attach(events);
      if (closedEarly) return events.close();
      for (const data of early.splice(0)) opened.message(data);
    },
  };
}
