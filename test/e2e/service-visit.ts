// A browser's way into a service, without the browser: sent to the hub's page, signed there by its own key, and back
// with the pass of the device.
import { fromBase64Url, toBase64Url } from "../../src/protocol/bytes.ts";
import { signedBytes } from "../../src/protocol/signed.ts";
import { encodeTicket } from "../../src/protocol/ticket.ts";
import type { Json } from "./harness.ts";
import type { Person } from "./person.ts";
import { ask, field, text, type Answer } from "./wire.ts";

export const NAVIGATION = { accept: "text/html", "sec-fetch-mode": "navigate", "sec-fetch-site": "none" };

export interface Left {
  nonce: string;
  /** Of the nonce, as the service's host set it. */
  cookie: string;
}

/** Away to the page. */
export async function leaveFor(url: string): Promise<Left> {
  const sent = await ask(url, { headers: NAVIGATION });
  if (sent.status !== 302) throw new Error(`not sent for a ticket: ${sent.status} ${text(sent)}`);
  const location = new URL(field(sent, "location") ?? "");
  return {
    nonce: location.searchParams.get("nonce") ?? "",
    cookie: field(sent, "set-cookie")?.split(";")[0] ?? "",
  };
}

/** At the page: what the hub asks the browser to sign, or its refusal. */
export async function askToSign(
  { browser: { cookie, origin, signer } }: Person,
  url: string,
  nonce: string,
): Promise<[number, Json]> {
  const { port, host } = new URL(url);
  const answer = await ask(`http://muster.localhost:${port}/api/access`, {
    method: "POST",
    headers: { "content-type": "application/json", cookie, origin },
    body: JSON.stringify({ to: host, nonce, key: toBase64Url(signer.publicKey) }),
  });
  return [answer.status, JSON.parse(text(answer))];
}

export async function signTicket(
  { browser: { signer } }: Person,
  nonce: string,
  { share, host, expires_at: expiresAt }: { share: string; host: string; expires_at: number },
): Promise<string> {
  const visitor = toBase64Url(signer.publicKey);
  const claims = { share, host, visitor, nonce: fromBase64Url(nonce) ?? new Uint8Array(0), expiresAt };
  return encodeTicket(claims, await signer.sign(signedBytes("ticket", claims)));
}

/** Back at the service's host. */
export function showTicket(url: string, ticket: string, cookie: string): Promise<Answer> {
  return ask(new URL("/.muster/ticket", url).href, {
    method: "POST",
    headers: { "muster-ticket": ticket, cookie, origin: new URL(url).origin, accept: "application/json" },
    body: "",
  });
}

/** The cookie with which the browser opens it from then on. */
export async function enterService(person: Person, url: string): Promise<string> {
  const left = await leaveFor(url);
  const [status, answer] = await askToSign(person, url, left.nonce);
  if (status !== 200) throw new Error(`the hub refused: ${JSON.stringify(answer)}`);
  const shown = await showTicket(url, await signTicket(person, left.nonce, answer.sign), left.cookie);
  if (shown.status !== 200) throw new Error(`the device refused: ${shown.status} ${text(shown)}`);
  return shown.fields.get("set-cookie")?.[0]?.split(";")[0] ?? "";
}
