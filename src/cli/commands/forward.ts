// `muster forward DEVICE/SERVICE [LOCAL_PORT]`: a port of a device on this machine, until Ctrl-C.

import { forwardFacts } from "../../protocol/command-messages.ts";
import { MusterError } from "../../protocol/errors.ts";
import { printJson, type Invocation } from "../invocation.ts";
import { hearOrder, withOrders } from "../orders.ts";
import { plainLine } from "../plain-text.ts";
import { parseServiceTarget } from "../service-target.ts";

export async function forward(
  invocation: Invocation,
  target: string,
  flags: { port: number | undefined; expires: string | undefined },
): Promise<void> {
  if (flags.expires !== undefined) {
    throw new MusterError("usage", "--expires is for a ticket; a port is there until Ctrl-C");
  }
  const { device, service } = parseServiceTarget(target);
  await withOrders(invocation, async (orders) => {
    const body = await orders.forward({ device, service, port: flags.port ?? 0 });
    const pieces = body[Symbol.asyncIterator]();
    // Leaving the account is what ends it.
    const leave = (): void => void pieces.return?.();
    invocation.interrupted.addEventListener("abort", leave, { once: true });
    const interrupted = new Promise<"interrupted">((resolve) => {
      invocation.interrupted.addEventListener("abort", () => resolve("interrupted"), { once: true });
    });
    const heard = hearOrder(
      invocation,
      { [Symbol.asyncIterator]: () => pieces },
      {
        device,
        accepted(event) {
          const { name, port, service_type, local_port } = forwardFacts.parse(event.facts);
          const there = { device: event.device.name, service: name, port, type: service_type };
          if (invocation.json) return printJson(invocation, { host: "127.0.0.1", local_port, ...there });
          const shown =
            service_type === "http" ? `http://localhost:${local_port}/` : `127.0.0.1:${local_port}`;
          const { out } = invocation;
          out.line(
            `${out.style("bold", shown)} leads to ${plainLine(name)} (port ${port}) on ${plainLine(there.device)}. Ctrl-C ends it.`,
          );
        },
        output: () => Promise.resolve(),
      },
    );
    await Promise.race([heard, interrupted]);
    heard.catch(() => {}); // it was left
  });
}
