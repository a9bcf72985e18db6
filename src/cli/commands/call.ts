// `muster call`: a capability of some device, by its protocol and a payload.

import { capabilityAsked } from "../../protocol/capabilities.ts";
import { CAPABILITY_WAITS } from "../../protocol/capability-messages.ts";
import { MusterError } from "../../protocol/errors.ts";
import { RELAY_MESSAGE_MAX_BYTES } from "../../protocol/limits.ts";
import { useCapability } from "../capability-calls.ts";
import { parseDuration } from "../durations.ts";
import { printJson, type Invocation } from "../invocation.ts";
import { stripControl } from "../plain-text.ts";

const FIRST_VERSION = "1.0.0";
const TIMEOUT = { name: "--timeout", min: "1s", max: "10m" } as const;

export async function call(
  invocation: Invocation,
  given: { protocol: string; payload: string },
  flags: { prefer?: string | undefined; timeout?: string | undefined },
): Promise<void> {
  const [protocol = "", version = FIRST_VERSION] = given.protocol.split("@");
  if (!capabilityAsked.safeParse({ protocol, version }).success) {
    throw new MusterError("usage", `"${stripControl(given.protocol)}" names no capability`, {
      hint: "a protocol, or protocol@version: llm.chat, embeddings@1.0.0",
    });
  }
  const payload = await payloadOf(invocation, given.payload);
  const parts: unknown[] = [];
  const { device, payload: answer } = await useCapability(
    invocation,
    {
      protocol,
      version,
      payload,
      ...(flags.prefer === undefined ? {} : { prefer_device: flags.prefer }),
      timeout_ms:
        flags.timeout === undefined ? CAPABILITY_WAITS.allMs : parseDuration(flags.timeout, TIMEOUT),
    },
    (data) => {
      if (invocation.json) parts.push(data);
      else invocation.out.line(stripControl(JSON.stringify(data)));
    },
  );
  if (invocation.json) {
    const all = parts.length === 0 ? {} : { parts };
    return printJson(invocation, { from_device: device, payload: answer, ...all });
  }
  invocation.out.line(stripControl(JSON.stringify(answer, undefined, 2)));
}

/** As JSON text, checked here: a typing mistake needs no device to be found. */
async function payloadOf({ surroundings }: Invocation, given: string): Promise<string> {
  const text = given === "-" ? await surroundings.stdin.readAll(RELAY_MESSAGE_MAX_BYTES) : given;
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    throw new MusterError("usage", "the payload is no JSON", {
      hint: `put it in single quotes: muster call embeddings '{"text":"hi"}'`,
    });
  }
}
