// The page of this device's own agent: the same files as a hub's page, and none of them from a hub. It listens only
// while somebody wants it, on a loopback port of its own. Every tunnel ends on loopback, and a browser shows that port
// to whatever page asks: so only its own origin is answered, and only a browser that spent a link is heard. There is
// no cookie, which every port of this address would see; a browser is known by its key.
import type { Crypto } from "../../identity/crypto.ts";
import { loginLinkUrl } from "../../identity/login-link.ts";
import { isStrictKey } from "../../identity/strict-key.ts";
import { assetAnswer } from "../../protocol/asset-answer.ts";
import type { Assets } from "../../protocol/assets.ts";
import { fromBase64Url } from "../../protocol/bytes.ts";
import { MusterError, publicError } from "../../protocol/errors.ts";
import { loginRequest, type SessionResponse } from "../../protocol/hub-api.ts";
import { deviceIdOf } from "../../protocol/ids.ts";
import type { Log } from "../../protocol/log.ts";
import { escapeHtml } from "../../protocol/plain-page.ts";
import { WebSocketWire } from "../../trunk/web-socket.ts";
import type { AcceptWebSocket, Listener, Timer, World } from "../../world/world.ts";
import { readBody } from "../local-api/read-body.ts";
import { notHere } from "./page-desk.ts";
import { LINK_MS, PageDoor } from "./page-door.ts";
import { PageSession, type PageSessionOptions } from "./page-session.ts";

export interface PageServerOptions extends Pick<
  PageSessionOptions,
  "version" | "hubUrl" | "device" | "deviceKey" | "desk"
> {
  world: Pick<World, "clock" | "timers" | "network" | "disk">;
  crypto: Crypto;
  log: Log;
  assets(): Promise<Assets>;
  /** A file that leads there: what a browser is started with, so that no list of processes shows the link. */
  leadFile: string;
}

export interface OpenedPage {
  url: string;
  file: string;
  expires_at: string;
}

const HOST = "127.0.0.1";
const SESSIONS_MAX = 16;
/** Left by everybody, it ends after this; and always after the other. */
const IDLE_MS = 10 * 60_000;
const LONGEST_MS = 12 * 3_600_000;
const CHECK_EVERY_MS = 30_000;
const HEADERS = { "cache-control": "no-store", "x-content-type-options": "nosniff" } as const;

interface Running {
  listener: Listener;
  host: string;
  origin: string;
  assets: Assets;
  door: PageDoor;
  sessions: Set<PageSession>;
  session: Omit<PageSessionOptions, "closed">;
  check: Timer;
  beganMs: number;
  usedMs: number;
}

export class PageServer {
  readonly #options: PageServerOptions;
  #running: Promise<Running> | undefined;
  #port: number | undefined;
  #closed = false;

  constructor(options: PageServerOptions) {
    this.#options = options;
  }

  /** While it listens. */
  get port(): number | undefined {
    return this.#port;
  }

  /** A link for one browser, once. Begins to listen where it does not yet. */
  async open(): Promise<OpenedPage> {
    const { world, leadFile } = this.#options;
    if (this.#closed) throw new MusterError("unavailable", "the agent is just stopping");
    this.#running ??= this.#begin().catch((error: unknown) => {
      this.#running = undefined;
      throw error;
    });
    const running = await this.#running;
    running.usedMs = world.clock.monotonic();
    const url = loginLinkUrl(running.origin, running.door.makeLink()).reveal();
    await world.disk.write(leadFile, leadTo(url), 0o600);
    return { url, file: leadFile, expires_at: new Date(world.clock.now() + LINK_MS).toISOString() };
  }

  async close(): Promise<void> {
    this.#closed = true;
    const running = await this.#running?.catch(() => undefined);
    if (running !== undefined) await this.#end(running);
  }

  async #begin(): Promise<Running> {
    const { world, crypto } = this.#options;
    const assets = await this.#options.assets();
    let running: Running | undefined;
    const listener = await world.network.serve({
      address: { host: HOST, port: 0 },
      fetch: (request, accept) =>
        running === undefined ? new Response(null, { status: 503 }) : this.#answer(running, request, accept),
    });
    const host = `${HOST}:${listener.port}`;
    const origin = `http://${host}`;
    const door = new PageDoor(crypto, world.clock);
    const now = world.clock.monotonic();
    running = {
      listener,
      host,
      origin,
      assets,
      door,
      sessions: new Set(),
      session: {
        ...this.#options,
        clock: world.clock,
        timers: world.timers,
        signer: crypto.ed25519Signer(crypto.randomBytes(32)),
        origin,
        knows: (key) => door.knows(key),
      },
      check: world.timers.every(CHECK_EVERY_MS, () => void this.#check()),
      beganMs: now,
      usedMs: now,
    };
    this.#port = listener.port;
    return running;
  }

  async #check(): Promise<void> {
    const running = await this.#running;
    if (running === undefined) return;
    const now = this.#options.world.clock.monotonic();
    if (running.sessions.size > 0) running.usedMs = now;
    if (now - running.usedMs >= LINK_MS) await this.#removeLead();
    if (now - running.usedMs >= IDLE_MS || now - running.beganMs >= LONGEST_MS) await this.#end(running);
  }

  async #end(running: Running): Promise<void> {
    this.#running = undefined;
    this.#port = undefined;
    running.check.cancel();
    for (const session of running.sessions) session.close();
    running.listener.close();
    await this.#removeLead();
  }

  async #removeLead(): Promise<void> {
    const { world, leadFile, log } = this.#options;
    try {
      if ((await world.disk.info(leadFile)) !== undefined) await world.disk.remove(leadFile);
    } catch (error) {
      log.warn("the file that leads to the page could not be removed", { error: String(error) });
    }
  }

  async #answer(running: Running, request: Request, accept: AcceptWebSocket): Promise<Response | undefined> {
    try {
      guard(running, request);
      const { pathname } = new URL(request.url);
      if (pathname === "/ws") return this.#webSocket(running, request, accept);
      if (pathname === "/api/session" && isReading(request)) return this.#session(running);
      if (pathname === "/api/login" && request.method === "POST") return await this.#login(running, request);
      if (isReading(request) && !pathname.startsWith("/api/")) return file(running.assets, request, pathname);
      throw notHere();
    } catch (error) {
      const refusal = publicError(error);
      if (refusal.code === "internal") this.#options.log.error("fault in the agent's page", { error });
      return Response.json({ error: refusal.toJSON() }, { status: refusal.status, headers: HEADERS });
    }
  }

  #webSocket(running: Running, request: Request, accept: AcceptWebSocket): Response | undefined {
    if (request.headers.get("origin") !== running.origin) throw notThisPage();
    if (running.sessions.size >= SESSIONS_MAX) throw new MusterError("too_many", "too many pages are open");
    const accepted = accept((peer) => {
      const wire = new WebSocketWire(peer, this.#options.world.timers);
      const session: PageSession = new PageSession(
        { ...running.session, closed: () => void running.sessions.delete(session) },
        wire,
      );
      running.sessions.add(session);
      wire.attach(session.wire);
      return {
        message: (data) => wire.message(data),
        drain: () => wire.drained(),
        close: () => wire.closed(),
      };
    });
    if (accepted) return undefined;
    throw new MusterError("bad_request", "a WebSocket upgrade was expected");
  }

  #session({ door }: Running): Response {
    const user = door.isEntered ? this.#person() : null;
    const body: SessionResponse = { user, passkeys_allowed: false, served_by_agent: true };
    return Response.json(body, { headers: HEADERS });
  }

  async #login(running: Running, request: Request): Promise<Response> {
    const asked = await readBody(request, loginRequest);
    const key = fromBase64Url(asked.public_key);
    if (key?.length !== 32 || !isStrictKey(key)) {
      throw new MusterError("bad_request", "the browser's keys are none");
    }
    running.door.enter(asked, key);
    running.usedMs = this.#options.world.clock.monotonic();
    await this.#removeLead();
    const device_id = deviceIdOf(this.#options.crypto.sha256(key));
    this.#options.log.info("a browser was let in to the agent's page", { browser: device_id });
    const { id, name } = this.#person();
    return Response.json({ user: { id, name }, device_id }, { headers: HEADERS });
  }

  #person(): NonNullable<SessionResponse["user"]> {
    const { id, name } = this.#options.device();
    return { id, name, has_password: false, passkeys: 0 };
  }
}

/** Throws for what another page sends, and for a host name that somebody made point here. */
function guard({ host, origin }: Running, { headers, method }: Request): void {
  if (headers.get("host") !== host) throw notThisPage();
  const from = headers.get("origin");
  if (from !== null ? from !== origin : method !== "GET" && method !== "HEAD") throw notThisPage();
  const site = headers.get("sec-fetch-site");
  // A person comes from anywhere, by the link; what the page asks comes from itself.
  if (site === null || site === "same-origin" || site === "none") return;
  if (headers.get("sec-fetch-mode") !== "navigate" || method !== "GET") throw notThisPage();
}

function file(assets: Assets, request: Request, pathname: string): Response {
  const isPlace = !/\.[a-z0-9]+$/i.test(pathname);
  const found = assets.get(pathname) ?? (isPlace ? assets.get("/index.html") : undefined);
  if (found === undefined) throw new MusterError("not_found", "there is nothing at this address");
  return assetAnswer(found, request);
}

function isReading({ method }: Request): boolean {
  return method === "GET" || method === "HEAD";
}

function notThisPage(): MusterError {
  return new MusterError("forbidden", "this is answered to the agent's own page alone");
}

function leadTo(url: string): string {
  const address = escapeHtml(url);
  return `<!doctype html>
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0;url=${address}">
<title>Muster</title>
<a href="${address}">Open the page of this device</a>
`;
}
