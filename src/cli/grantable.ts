// What a key or a grant can open: capabilities of class `compute`, and nothing else. The devices see to it themselves;
// said here, nobody believes in a grant that opens nothing. What no device offers now may be granted beforehand.

import { MusterError } from "../protocol/errors.ts";
import type { Invocation } from "./invocation.ts";
import { lookAround } from "./overview.ts";
import { stripControl } from "./plain-text.ts";

/** Throws `usage` for a protocol that is offered, and never as `compute`. */
export async function demandGrantable(invocation: Invocation, protocols: readonly string[]): Promise<void> {
  if (protocols.length === 0) return;
  const { devices = [] } = await lookAround(invocation);
  const offers = devices.flatMap(({ capabilities = [] }) => capabilities);
  for (const protocol of protocols) {
    const classes = new Set(offers.filter((one) => one.protocol === protocol).map((one) => one.class));
    if (classes.size === 0 || classes.has("compute")) continue;
    throw new MusterError(
      "usage",
      `${stripControl(protocol)} takes a controller: no key and no grant opens it`,
      {
        hint: classes.has("control")
          ? "let a person command the whole device: muster device token --share DEVICE"
          : "lists of tasks, for a program: muster key create NAME --scope read",
      },
    );
  }
}
