// A stand-in for a hub, for looking at the page while developing and in browser tests. It speaks the real
// protocol with real keys, and keeps nothing. Never part of the program.
import { nodeCrypto } from "../../src/identity/crypto-node.ts";
import { appendEntry, beginLog, type OwnerLog } from "../../src/identity/owner-log.ts";
import { checkDevice, proveHub } from "../../src/identity/session.ts";
import type { Signer } from "../../src/identity/crypto.ts";
import { fromBase64Url, toBase64Url, utf8 } from "../../src/protocol/bytes.ts";
import { MusterError, publicError, type ErrorBody } from "../../src/protocol/errors.ts";
import { loginRequest } from "../../src/protocol/hub-api.ts";
import { deviceIdOf } from "../../src/protocol/ids.ts";
import { RELAY_MESSAGE_MAX_BYTES } from "../../src/protocol/limits.ts";
import { LOCAL_API } from "../../src/protocol/local-api.ts";
import {
  clientToHub,
  type ClientMessage,
  type ClientToHub,
  type HubToClient,
} from "../../src/protocol/messages.ts";
import { signedBytes } from "../../src/protocol/signed.ts";
import type { FleetView } from "../../src/protocol/views.ts";
import { RESET } from "../../src/trunk/frame.ts";
import { Trunk } from "../../src/trunk/trunk.ts";
import { WebSocketWire } from "../../src/trunk/web-socket.ts";
import { realClock, realTimers } from "../../src/world/time.ts";
import type { Assets } from "../../src/protocol/assets.ts";
import { emptyFleet, exampleShare, fullFleet } from "./example-fleet.ts";
import { exampleGrants } from "./example-grants.ts";
import { deviceCall, mockDevices, type MockDevices } from "./mock-devices.ts";

const COOKIE = "__Host-muster-examplehu";
const primitives = nodeCrypto((length) => crypto.getRandomValues(new Uint8Array(length)));

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types muster";

export interface MockOptions {
  fleet: "empty" | "full";
  assets: Assets;
  /** Makes the browser a controller when it signs in; true unless said otherwise. */
  admit?: "controller" | "nobody";
  port?: number;
  /** Whether its owner log has keys and grants; none unless said otherwise. */
  grants?: "none" | "some";
  /** Who waits to be let in, and what was decided. */
  devices?: MockDevices;
}

export interface MockHub {
  url: string;
  /** A fresh login link. */
  loginUrl(): string;
  /** Changes the fleet and tells everyone who watches. */
  change(edit: (fleet: FleetView) => FleetView): void;
  /** Stops answering and drops every connection; `resume` undoes it. */
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
}

interface Peer {
  nonce: Uint8Array;
  origin: string;
  key?: Uint8Array;
  watching: boolean;
  wire?: WebSocketWire;
  trunk?: Trunk;
}

type PeerSocket = Bun.ServerWebSocket<Peer>;

export async function startMockHub(options: MockOptions): Promise<MockHub> {
  const hubKey = primitives.ed25519Signer(primitives.randomBytes(32));
  const home = primitives.ed25519Signer(primitives.randomBytes(32));
  const homeId = idOf(home.publicKey);
  let log: OwnerLog = await beginLog(primitives, home, {
    name: "atlas",
    kind: "laptop",
    platform: "linux-x64",
    link_key: toBase64Url(primitives.x25519PublicKey(primitives.randomBytes(32))),
  });
  const newKey = (): Uint8Array => primitives.ed25519Signer(primitives.randomBytes(32)).publicKey;
  const grants =
    options.grants === "some" ? exampleGrants(home.publicKey, { nowMs: Date.now(), newKey }) : [];
  for (const body of grants) log = await appendEntry(primitives, log, { kind: "key", body, signer: home });
  const links = new Map<string, string>();
  const sockets = new Set<PeerSocket>();
  const sessions = new Set<string>();
  let user = { id: "u1", name: "ada", has_password: false, passkeys: 0 };
  let password: string | undefined;
  let paused = false;
  let requests = 0;
  let shares = 50;

  const server = Bun.serve<Peer>({
    hostname: "127.0.0.1",
    port: options.port ?? 0,
    fetch: (request, bun) => answer(request, bun),
    websocket: {
      open(socket) {
        sockets.add(socket);
        plug(socket, (read) => handle(socket, read));
        send(socket, {
          type: "hello",
          protocol: [1],
          hub_key: toBase64Url(hubKey.publicKey),
          nonce: toBase64Url(socket.data.nonce),
          version: "0.1.0",
        });
      },
      message: (socket, data) => void (paused || socket.data.wire?.message(data)),
      drain: (socket) => socket.data.wire?.drained(),
      close(socket) {
        sockets.delete(socket);
        socket.data.wire?.closed();
      },
    },
  });
  const url = `http://muster.localhost:${server.port}`;
  const { devices = mockDevices() } = options;
  let fleet = (options.fleet === "empty" ? emptyFleet : fullFleet)({
    deviceId: homeId,
    hubUrl: url,
    nowMs: Date.now(),
  });

  // Proofs every 5 s, as a prober would.
  const prober = setInterval(() => tell(proved(fleet)), 5000);

  function tell(next: FleetView): void {
    fleet = next;
    if (paused) return;
    for (const socket of sockets) if (socket.data.watching) send(socket, { type: "fleet", fleet: current() });
  }

  /** Who is online was seen just now. */
  function current(): FleetView {
    const last_seen = new Date().toISOString();
    const devices = fleet.devices.map((device) =>
      device.status === "online" ? { ...device, last_seen } : device,
    );
    return { ...fleet, devices };
  }

  async function answer(request: Request, bun: Bun.Server<Peer>): Promise<Response | undefined> {
    if (paused) return new Response("paused", { status: 503 });
    const { pathname } = new URL(request.url);
    requests += 1;
    const headers = { "Muster-Request-Id": `req${requests}`, "Cache-Control": "no-store" };
    if (pathname === "/ws") {
      const origin = request.headers.get("Origin") ?? "";
      if (origin !== url || !signedIn(request)) return new Response("no", { status: 401 });
      const data: Peer = { nonce: primitives.randomBytes(32), origin, watching: false };
      return bun.upgrade(request, { data }) ? undefined : new Response("no upgrade", { status: 426 });
    }
    if (!pathname.startsWith("/api/")) return file(pathname);
    try {
      const { body, cookie } = await api(request, pathname);
      return Response.json(body, {
        headers: cookie === undefined ? headers : { ...headers, "Set-Cookie": cookie },
      });
    } catch (error) {
      const problem = publicError(error);
      return Response.json({ error: problem.toJSON() }, { status: problem.status, headers });
    }
  }

  function file(pathname: string): Response {
    const asset = options.assets.get(/\.\w+$/.test(pathname) ? pathname : "/index.html");
    if (asset === undefined) return new Response("not found", { status: 404 });
    return new Response(asset.bytes, {
      headers: {
        "Content-Type": asset.type,
        "Content-Security-Policy": POLICY,
        "X-Content-Type-Options": "nosniff",
      },
    });
  }

  async function api(request: Request, pathname: string): Promise<{ body: unknown; cookie?: string }> {
    switch (pathname) {
      case "/api/session":
        return {
          body: { user: signedIn(request) ? user : null, passkeys_allowed: true, guests_allowed: false },
        };
      case "/api/login": {
        const wanted = loginRequest.parse(await request.json());
        if (links.get(wanted.id) !== wanted.secret)
          throw new MusterError("token_invalid", "the login link is spent or too old");
        links.delete(wanted.id);
        const key = fromBase64Url(wanted.public_key) ?? new Uint8Array(0);
        if (options.admit !== "nobody" && log.participant(key) === undefined) {
          log = await admit(log, home, { key: wanted.public_key, linkKey: wanted.link_key });
        }
        return { body: { user, device_id: idOf(key) }, cookie: enter() };
      }
      case "/api/sign-in": {
        const wanted = (await request.json()) as { name: string; password: string };
        if (password === undefined || wanted.name !== user.name || wanted.password !== password) {
          throw new MusterError("unauthorized", "name or password is wrong");
        }
        return { body: {}, cookie: enter() };
      }
      case "/api/account": {
        const wanted = (await request.json()) as { name: string; password: string };
        password = wanted.password;
        user = { ...user, name: wanted.name, has_password: true };
        return { body: {} };
      }
      case "/api/sign-out":
        sessions.clear();
        return { body: {}, cookie: `${COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0` };
      default: {
        const body = signedIn(request) ? await deviceCall(devices, request, pathname) : undefined;
        if (body !== undefined) return { body };
        throw new MusterError("not_found", "there is no such thing here");
      }
    }
  }

  function enter(): string {
    const value = toBase64Url(primitives.randomBytes(16));
    sessions.add(value);
    return `${COOKIE}=${value}; Path=/; Secure; HttpOnly; SameSite=Strict`;
  }

  function signedIn(request: Request): boolean {
    const cookies = request.headers.get("Cookie") ?? "";
    return [...sessions].some((value) => cookies.includes(`${COOKIE}=${value}`));
  }

  async function handle(socket: PeerSocket, message: ClientToHub): Promise<void> {
    if (message.type === "register") return register(socket, message);
    if (socket.data.key === undefined) throw new MusterError("unauthorized", "not registered");
    if (message.type === "command") return command(socket, message);
    if (message.type !== "fleet_watch" && message.type !== "fleet_get") {
      throw new MusterError("unknown_message", `the stand-in does not know "${message.type}"`);
    }
    if (message.type === "fleet_watch") socket.data.watching = true;
    send(socket, { type: "fleet", id: message.id, fleet: current() });
  }

  async function register(socket: PeerSocket, message: ClientMessage<"register">): Promise<void> {
    const own = {
      protocols: [1],
      hubKey: hubKey.publicKey,
      nonce: socket.data.nonce,
      isOwnAddress: (dialled: string) => dialled === url,
      binding: new Uint8Array(0),
      bindingRule: { type: "browser", origin: socket.data.origin } as const,
    };
    const publicKey = fromBase64Url(message.public_key) ?? new Uint8Array(0);
    const handshake = checkDevice(primitives, own, {
      protocol: message.protocol,
      sessionKind: message.session_kind,
      publicKey,
      nonce: fromBase64Url(message.nonce) ?? new Uint8Array(0),
      session: message.session,
      dialled: message.dialled,
      binding: fromBase64Url(message.binding) ?? new Uint8Array(1),
      signature: fromBase64Url(message.signature) ?? new Uint8Array(0),
    });
    socket.data.key = publicKey;
    send(socket, {
      type: "registered",
      device_id: idOf(publicKey),
      name: message.name,
      hostname: "",
      hub_url: url,
      signature: toBase64Url(await proveHub(hubKey, handshake)),
      token: "token",
      token_expires_at: new Date(Date.now() + 600_000).toISOString(),
    });
    send(socket, { type: "log_entries", owner_root: toBase64Url(log.id), entries: [...log.entries] });
  }

  function command(socket: PeerSocket, message: ClientMessage<"command">): void {
    const signer = fromBase64Url(message.signer) ?? new Uint8Array(0);
    const bytes = signedBytes("command", {
      logId: log.id,
      signerKey: signer,
      deviceKey: home.publicKey,
      sessionHash: fromBase64Url(message.session_hash) ?? new Uint8Array(0),
      number: message.number,
      commandId: message.command_id,
      kind: message.kind,
      requestHash: primitives.sha256(utf8(message.request)),
    });
    if (
      !log.mayCommand(signer, Date.now()) ||
      !primitives.verifyEd25519(signer, bytes, fromBase64Url(message.signature) ?? new Uint8Array(0))
    ) {
      throw new MusterError("bad_signature", "the command is not signed by a controller");
    }
    const outcome = carryOut(message.kind, JSON.parse(message.request));
    send(socket, { type: "command_outcome", id: message.id, ...outcome });
  }

  function carryOut(kind: string, request: unknown): { result: string } | { error: ErrorBody } {
    if (kind === "share.add") {
      const wanted = LOCAL_API.add.request.parse(request);
      const name = wanted.name ?? (wanted.port === undefined ? "site" : `app-${wanted.port}`);
      if (fleet.shares.some((share) => share.name === name)) {
        return {
          error: {
            code: "name_taken",
            message: `the name "${name}" is taken`,
            hint: `choose another, such as "${name}-2"`,
          },
        };
      }
      const [device] = fleet.devices;
      if (device === undefined) throw new MusterError("internal", "the stand-in lost its device");
      shares += 1;
      const share = exampleShare(
        { device, name, n: shares, nowMs: Date.now(), url: `${url.replace("muster.", `${name}.`)}/` },
        {
          kind: wanted.port === undefined ? "page" : "app",
          access: wanted.access,
          created_at: new Date().toISOString(),
          expires_at:
            wanted.expires_in_ms === undefined
              ? null
              : new Date(Date.now() + wanted.expires_in_ms).toISOString(),
        },
      );
      tell({ ...fleet, shares: [...fleet.shares, share] });
      const warnings = wanted.port === undefined ? [] : [`nothing listens on port ${wanted.port} yet`];
      return {
        result: JSON.stringify({
          share,
          warnings,
          ...(wanted.access === "password" ? { password: "quiet-lamp-orbit-47" } : {}),
        }),
      };
    }
    const { share: id } = LOCAL_API.remove.request.parse(request);
    const share = fleet.shares.find((candidate) => candidate.id === id);
    if (share === undefined) return { error: { code: "not_found", message: `there is no share "${id}"` } };
    if (kind === "share.remove") {
      tell({ ...fleet, shares: fleet.shares.filter((candidate) => candidate !== share) });
      return { result: JSON.stringify({ id, name: share.name }) };
    }
    const changed = { ...share, state: kind === "app.start" ? ("running" as const) : ("stopped" as const) };
    tell({ ...fleet, shares: fleet.shares.map((candidate) => (candidate === share ? changed : candidate)) });
    return { result: JSON.stringify({ share: changed }) };
  }

  return {
    url,
    loginUrl() {
      const id = toBase64Url(primitives.randomBytes(9));
      const secret = toBase64Url(primitives.randomBytes(32));
      links.set(id, secret);
      return `${url}/#login.${id}.${secret}`;
    },
    change: (edit) => tell(edit(fleet)),
    pause() {
      paused = true;
      for (const socket of sockets) socket.terminate();
    },
    resume() {
      paused = false;
    },
    async stop() {
      clearInterval(prober);
      await server.stop(true);
    },
  };
}

/** A trunk on the socket; whatever its far side says is read and handled, or refused. */
function plug(socket: PeerSocket, handle: (message: ClientToHub) => Promise<void>): void {
  const wire = new WebSocketWire(socket, realTimers);
  const trunk = new Trunk({
    role: "hub",
    stream: wire,
    timers: realTimers,
    clock: realClock,
    events: {
      opened: (stream) => {
        stream.reset(RESET.refused);
        return { data() {}, drain() {}, end() {}, close() {} };
      },
      message(bytes) {
        const read = clientToHub.parse(JSON.parse(new TextDecoder().decode(bytes)));
        handle(read).catch((error: unknown) => {
          const body: ErrorBody = publicError(error).toJSON();
          const id = "id" in read && read.id !== undefined ? { id: read.id } : {};
          send(socket, { type: "error", ...body, ...id });
        });
      },
      goaway() {},
      closed() {},
    },
  });
  trunk.allowMessages(RELAY_MESSAGE_MAX_BYTES);
  wire.attach(trunk.wire);
  socket.data.wire = wire;
  socket.data.trunk = trunk;
}

function send(socket: PeerSocket, message: HubToClient): void {
  socket.data.trunk?.message(utf8(JSON.stringify(message)));
}

function idOf(key: Uint8Array): string {
  return deviceIdOf(primitives.sha256(key));
}

function admit(log: OwnerLog, home: Signer, browser: { key: string; linkKey: string }): Promise<OwnerLog> {
  const since = Date.now();
  return appendEntry(primitives, log, {
    kind: "controller",
    signer: home,
    body: {
      name: `browser-${log.length}`,
      kind: "browser",
      platform: "linux",
      link_key: browser.linkKey,
      public_key: browser.key,
      scopes: ["command"],
      since,
      until: since + 30 * 86_400_000,
      named: true,
    },
  });
}

function proved(fleet: FleetView): FleetView {
  const checked_at = new Date().toISOString();
  return {
    ...fleet,
    shares: fleet.shares.map((share) =>
      share.proof.checked_at === null ? share : { ...share, proof: { ...share.proof, checked_at } },
    ),
  };
}
