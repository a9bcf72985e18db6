// What cloudflared tells: on its output, by /ready and by /config. The output holds text of visitors and of the
// far side, so a line counts only when the words stand where cloudflared itself puts its message.

import { isRecord } from "./cloudflare/envelope.ts";

export type CloudflaredEvent =
  /** Where /ready and /config are. */
  | { type: "metrics"; port: number }
  | { type: "registered"; connection: number; location: string }
  | { type: "unregistered"; connection: number }
  /** The far side sent a configuration: the local one no longer holds, whether or not it was taken. */
  | { type: "reconfigured" }
  /** The tunnel's secret is not in force, or the tunnel is gone. */
  | { type: "refused"; reason: string };

/** `2026-08-12T14:30:53Z INF Registered tunnel connection connIndex=1 …` */
const LINE = /^\S{1,40} (INF|WRN|ERR|FTL|DBG) (.*)$/;
const METRICS = /^Starting metrics server on 127\.0\.0\.1:(\d{1,5})\/metrics/;
const REGISTERED = /^Registered tunnel connection connIndex=(\d{1,3}) .*?\blocation=([a-z0-9]{1,16})\b/;
const UNREGISTERED =
  /^(?:Unregistered tunnel connection|Connection terminated|Lost connection with the edge)\b.*?connIndex=(\d{1,3})\b/;
/** Taken, or sent and not understood: both are the far side's attempt to configure this device. */
const RECONFIGURED =
  /^(?:Updated to new configuration|Failed to (?:deserialize new configuration|update ingress))\b/;
const REFUSED = /\berror="?(Unauthorized: [\w ]{1,80}|Tunnel not found)/;

/** Undefined for a line that says nothing to us. */
export function parseCloudflaredLine(line: string): CloudflaredEvent | undefined {
  const match = LINE.exec(line);
  if (match === null) return undefined;
  const [, level = "", message = ""] = match;
  if (RECONFIGURED.test(message)) return { type: "reconfigured" };
  if (level === "ERR" || level === "FTL") {
    const reason = message.startsWith("Register tunnel error") ? REFUSED.exec(message)?.[1] : undefined;
    if (reason !== undefined) return { type: "refused", reason };
  }
  const metrics = METRICS.exec(message)?.[1];
  if (level === "INF" && metrics !== undefined) return { type: "metrics", port: Number(metrics) };
  const registered = REGISTERED.exec(message);
  if (level === "INF" && registered !== null) {
    return { type: "registered", connection: Number(registered[1]), location: registered[2] ?? "" };
  }
  const lost = UNREGISTERED.exec(message)?.[1];
  return lost === undefined ? undefined : { type: "unregistered", connection: Number(lost) };
}

/** `{status, readyConnections}` of /ready, which is 503 until the first connection stands. */
export function readyConnections(status: number, body: string): number {
  if (status !== 200) return 0;
  const answer = parseJson(body);
  const count = isRecord(answer) ? answer["readyConnections"] : undefined;
  return typeof count === "number" && Number.isInteger(count) && count > 0 ? count : 0;
}

/**
 * Whether /config shows a configuration that came from afar: its version is -1 as long as the local file holds,
 * and 0 or more from then on. Undefined when the answer doesn't tell.
 */
export function isReconfigured(status: number, body: string): boolean | undefined {
  if (status !== 200) return undefined;
  const answer = parseJson(body);
  const version = isRecord(answer) ? answer["version"] : undefined;
  return typeof version === "number" ? version >= 0 : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not cloudflared's answer: it tells nothing.
    return undefined;
  }
}
