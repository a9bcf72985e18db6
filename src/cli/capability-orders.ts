// A capability of one device by this home's controller key, in a sealed session: what the hub can't read, and the only
// way to what can change a device.
import { capabilityLine } from "../protocol/command-messages.ts";
import type { SealedRequest } from "../protocol/command-messages.ts";
import { MusterError } from "../protocol/errors.ts";
import type { Served } from "./capability-calls.ts";
import type { Invocation } from "./invocation.ts";
import { hearOrder, withOrders } from "./orders.ts";

/** One part, as the relay would carry it, and what stands around it. */
const LINE_MAX_CHARACTERS = 2 * 1024 * 1024;

export function orderCapability(
  invocation: Invocation,
  wish: { device: string; request: SealedRequest<"capability"> },
  part: (data: unknown) => void,
): Promise<Served> {
  return withOrders(invocation, async (orders) => {
    const body = await orders.capability(wish);
    let order = "";
    let device = wish.device;
    let payload: unknown;
    const lines = new Lines((text) => {
      const line = capabilityLine.parse(JSON.parse(text));
      if ("part" in line) part(line.part);
      else payload = line.payload;
    });
    const cancel = (): void => void orders.tell(order, { type: "signal", name: "TERM" }).catch(() => {});
    invocation.interrupted.addEventListener("abort", cancel, { once: true });
    try {
      await hearOrder(invocation, body, {
        device: wish.device,
        opened: (id) => (order = id),
        accepted: (event) => (device = event.device.name),
        async output(_, bytes) {
          lines.push(bytes);
        },
      });
      return { device, payload };
    } finally {
      invocation.interrupted.removeEventListener("abort", cancel);
    }
  });
}

class Lines {
  readonly #line: (text: string) => void;
  readonly #decoder = new TextDecoder();
  #held = "";

  constructor(line: (text: string) => void) {
    this.#line = line;
  }

  push(bytes: Uint8Array): void {
    const [first = "", ...others] = this.#decoder.decode(bytes, { stream: true }).split("\n");
    this.#held += first;
    for (const next of others) {
      this.#line(this.#held);
      this.#held = next;
    }
    if (this.#held.length <= LINE_MAX_CHARACTERS) return;
    throw new MusterError("protocol_error", "the device's answer has a line that is too long");
  }
}
