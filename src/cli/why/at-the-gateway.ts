// The last hops to something with a URL: the agent's gateway, the port behind it, what answers there. Whatever breaks
// on the way says at which hop, in the words for a visitor (protocol/error-page.ts).

import { z } from "zod";
import { isErrorCode, MusterError } from "../../protocol/errors.ts";
import { PROOF_PATH } from "../../protocol/proof-text.ts";
import type { ShareView } from "../../protocol/views.ts";
import { isLoopbackUrl } from "../hub-url.ts";
import { shortDuration } from "../durations.ts";
import { jsonOf } from "./at-the-hub.ts";
import type { Answered, PathProbe } from "./path-probe.ts";
import type { Seen, Station } from "./walk.ts";

const problemBody = z.object({
  error: z.object({
    code: z.string().max(100),
    message: z.string().max(2000),
    hint: z.string().max(2000).optional(),
    hop: z.string().max(20),
  }),
});
const proofBody = z.object({ nonce: z.string(), target: z.enum(["ok", "refused"]) });

export interface GatewayParts {
  probe: PathProbe;
  ca: string | undefined;
  stop: AbortSignal;
  /** Milliseconds since the epoch. */
  now: number;
}

export function shareStations(parts: GatewayParts, share: ShareView): Station[] {
  const { probe, now } = parts;
  const nonce = probe.nonce();
  let target: "ok" | "refused" | undefined;
  return [
    {
      name: "gateway",
      async look() {
        const answer = await ask(parts, new URL(`${PROOF_PATH}?nonce=${nonce}`, share.url).href);
        const proof = proofBody.safeParse(jsonOf(answer.body));
        if (proof.success && proof.data.nonce === nonce) {
          target = proof.data.target;
          return { detail: `${share.device_name} answers for ${share.name}${provedWhen(share, now)}` };
        }
        throw problemOf(answer) ?? foreign(answer);
      },
    },
    {
      name: share.kind === "app" ? "port" : "page",
      async look() {
        if (target === "ok") {
          const detail = share.kind === "app" ? "the app takes connections" : "the files are there";
          return { detail, ms: null };
        }
        const what =
          share.kind === "app" ? "the app takes no connections" : "its files are not there any more";
        throw new MusterError("app_refused", `${share.name}: ${what}`, { hint: restartHint(share) });
      },
    },
    {
      name: "answer",
      look: () =>
        share.access === "public"
          ? askItself(parts, { url: share.url, headers: {}, logs: restartHint(share) })
          : Promise.resolve(behind(share)),
    },
  ];
}

export interface TicketedService {
  url: string;
  ticket: string;
  service: string;
  device: string;
}

/** By a ticket of this machine's own key; undefined where it gets none, with the reason. */
export function serviceStations(
  parts: GatewayParts,
  ticketed: () => Promise<TicketedService | string>,
): Station[] {
  let hint = "";
  return [
    {
      name: "answer",
      async look() {
        const service = await ticketed();
        if (typeof service === "string") return { detail: service, ms: null, unasked: true };
        const { url, ticket, device } = service;
        hint = `see what the program on ${device} says`;
        if (url.startsWith("http:") && !isLoopbackUrl(url)) {
          return { detail: "services are opened over https only", ms: null, unasked: true };
        }
        const headers = { Authorization: `Bearer ${ticket}` };
        const { detail } = await askItself(parts, { url, headers, logs: hint });
        return { detail: `${detail}, asked at ${url}` };
      },
    },
  ];
}

/** A URL that is no share of this fleet. */
export function strangerStation(parts: GatewayParts, url: string): Station {
  return { name: "answer", look: () => askItself(parts, { url, headers: {}, logs: "look there" }) };
}

async function askItself(
  parts: GatewayParts,
  { url, headers, logs }: { url: string; headers: Record<string, string>; logs: string },
): Promise<Seen> {
  const answer = await ask(parts, url, headers);
  const problem = problemOf(answer);
  if (problem !== undefined) throw problem;
  if (answer.status >= 500) {
    throw new MusterError(
      "app_broken",
      `everything on the way works; what answers there says ${answer.status}`,
      {
        hint: logs,
      },
    );
  }
  const who = answer.server === null ? "" : ` (${answer.server.slice(0, 60)})`;
  return { detail: `it answers with ${answer.status}${who}` };
}

async function ask(
  { probe, ca, stop }: GatewayParts,
  url: string,
  headers: Record<string, string> = {},
): Promise<Answered> {
  try {
    return await probe.ask(url, { ca, stop, headers: { Accept: "application/json, */*;q=0.5", ...headers } });
  } catch (error) {
    stop.throwIfAborted();
    throw new MusterError("unavailable", "the connection stands, and no answer comes", {
      cause: error,
      hint: "what is in front, or the hub, hangs: restart it",
    });
  }
}

/** What a hub or an agent says of a request that it could not bring to its end. */
function problemOf({ body }: Answered): MusterError | undefined {
  const told = problemBody.safeParse(jsonOf(body));
  if (!told.success) return undefined;
  const { code, message, hint, hop } = told.data.error;
  const known = isErrorCode(code) && code !== "internal" ? code : "unavailable";
  return new MusterError(known, `at the ${hop}: ${message}`, hint === undefined ? {} : { hint });
}

function foreign({ status, server }: Answered): MusterError {
  const who = server === null ? "something" : server.slice(0, 60);
  return new MusterError("unavailable", `${who} answers with ${status} in place of this fleet`, {
    hint: "the name leads to another machine, or a proxy in front keeps the request",
  });
}

function provedWhen({ proof }: ShareView, now: number): string {
  if (proof.checked_at === null) return "";
  return `; the hub saw it ${proof.state} ${shortDuration(now - Date.parse(proof.checked_at))} ago`;
}

function behind({ access }: ShareView): Seen {
  const what = access === "password" ? "a password" : "a sign-in";
  return { detail: `behind ${what}, so it was asked no further`, ms: null, unasked: true };
}

function restartHint({ kind, name, state, device_name: device }: ShareView): string {
  if (kind === "page") return `on ${device}: put them back, or muster rm ${name}`;
  // Of an app that waits for its port nobody here knows whether Muster runs it.
  return state === "waiting"
    ? `on ${device}: start what listens on its port; muster logs ${name} has what an app of Muster's wrote`
    : `on ${device}: muster logs ${name}; muster start ${name}`;
}
