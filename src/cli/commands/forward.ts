// `muster forward DEVICE/SERVICE [LOCAL_PORT]`: a port of a device on this machine, until Ctrl-C.

import { forwardFacts } from "../../protocol/command-messages.ts";
import { MusterError } from "../../protocol/errors.ts";
import { printJson, type Invocation } from "../invocation.ts";
import { hearOrder, withOrders } from "../orders.ts";
import { plainLine } from "../plain-text.ts";

export async function forward(
  invocation: Invocation,
  target: string,
  localPort: number | undefined,
): Promise<void> {
  const [, device, service] = /^([^/\s][^/]*)\/([^/\s]+)$/.exec(target) ?? [];
  if (device === undefined || service === undefined) {
    throw new MusterError("usage", `"${target}" is not of the form DEVICE/SERVICE`, {
      hint: "as in: muster forward pi/postgres 5432",
    });
  }
  const isPort = /^[1-9]\d{0,4}$/.test(service) && Number(service) <= 65_535;
  await withOrders(invocation, async (orders) => {
    const body = await orders.forward({
      device,
      service: isPort ? Number(service) : service,
      port: localPort ?? 0,
    });
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
