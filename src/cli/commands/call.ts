// `muster call`: a capability of some device, by its protocol and a payload.

import { capabilityAsked } from "../../protocol/capabilities.ts";
import { CAPABILITY_PAYLOAD_MAX_CHARACTERS, type SealedRequest } from "../../protocol/command-messages.ts";
import { MusterError } from "../../protocol/errors.ts";
import { RELAY_MESSAGE_MAX_BYTES } from "../../protocol/limits.ts";
import { useCapability, type Served } from "../capability-calls.ts";
import { orderCapability } from "../capability-orders.ts";
import { parseDuration } from "../durations.ts";
import { printJson, type Invocation } from "../invocation.ts";
import { stripControl } from "../plain-text.ts";

const FIRST_VERSION = "1.0.0";
const TIMEOUT = { name: "--timeout", min: "1s", max: "10m" } as const;

export interface CallFlags {
  /** In a sealed session with this device, and with no other. */
  device?: string | undefined;
  /** This one or nobody, by way of the hub. */
  only?: string | undefined;
  prefer?: string | undefined;
  timeout?: string | undefined;
}

export async function call(
  invocation: Invocation,
  given: { protocol: string; payload: string },
  flags: CallFlags,
): Promise<void> {
  const [protocol = "", version = FIRST_VERSION] = given.protocol.split("@");
  if (!capabilityAsked.safeParse({ protocol, version }).success) {
    throw new MusterError("usage", `"${stripControl(given.protocol)}" names no capability`, {
      hint: "a protocol, or protocol@version: llm.chat, embeddings@1.0.0",
    });
  }
  const payload = await payloadOf(invocation, given.payload);
  const parts: unknown[] = [];
  let streamed = false;
  const part = (data: unknown): void => {
    streamed = true;
    if (invocation.json) parts.push(data);
    else invocation.out.line(stripControl(JSON.stringify(data)));
  };
  const { timeout } = flags;
  const patience = timeout === undefined ? {} : { timeout_ms: parseDuration(timeout, TIMEOUT) };
  const wish = { protocol, version, payload, ...patience };
  const { device, payload: answer } = await served(invocation, { wish, flags, part });
  if (invocation.json) {
    const all = parts.length === 0 ? {} : { parts };
    return printJson(invocation, { from_device: device, payload: answer, ...all });
  }
  // A stream may end without a word of its own.
  if (answer === null && streamed) return;
  invocation.out.line(stripControl(JSON.stringify(answer, undefined, 2)));
}

function served(
  invocation: Invocation,
  given: { wish: SealedRequest<"capability">; flags: CallFlags; part: (data: unknown) => void },
): Promise<Served> {
  const { wish, flags, part } = given;
  const { device, only, prefer } = flags;
  if ([device, only, prefer].filter((one) => one !== undefined).length > 1) {
    throw new MusterError("usage", "--device, --only and --prefer each say who is asked", {
      hint: "use one of them",
    });
  }
  if (device === undefined) {
    const who = {
      ...(only === undefined ? {} : { only_device: only }),
      ...(prefer === undefined ? {} : { prefer_device: prefer }),
    };
    return useCapability(invocation, { ...wish, ...who }, part);
  }
  if (wish.payload.length > CAPABILITY_PAYLOAD_MAX_CHARACTERS) {
    throw new MusterError("too_large", "the payload is too long for a command to one device");
  }
  return orderCapability(invocation, { device, request: wish }, part);
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
