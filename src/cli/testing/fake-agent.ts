// An agent's local API in memory: it keeps the contract (every request and answer goes through its schemas),
// remembers its shares, and can be told to be old, away from its hub or gone.

import { MusterError } from "../../protocol/errors.ts";
import {
  LOCAL_API,
  type AddShare,
  type LocalCall,
  type LocalRequest,
  type LocalResponse,
  type StreamCall,
} from "../../protocol/local-api.ts";
import { formatSetupToken, formatShareToken } from "../../protocol/setup-token.ts";
import type { DeviceView, ShareView } from "../../protocol/views.ts";
import { STARTED_AT } from "./fake-timers.ts";
import { capabilityAnswers, queryAnswer } from "./fake-calls.ts";
import { FAKE_KEYS } from "./fake-keys.ts";
import { FAKE_PEERS, type FakePeers } from "./fake-peers.ts";
import { fakeTicket } from "./fake-services.ts";
import { FAKE_TASKS, taskAnswers } from "./fake-tasks.ts";
import { ago, DEVICE_ID, deviceView, HUB_URL, shareView } from "./fake-views.ts";

export const AGENT_PID = 4711;
export const AGENT_PORT = 7575;
export const AGENT_TOKEN = "the-token-of-this-home";
const SHARE_TOKEN = formatShareToken({ pin: new Uint8Array(16), invite: 1, seed: new Uint8Array(32) });
export const TOKEN = formatSetupToken({ pin: new Uint8Array(16), invite: 1, seed: new Uint8Array(32) });

const WORDS = ["amber", "bicycle", "candle", "drift", "ember"];

export interface FakeAgent extends FakePeers {
  running: boolean;
  /** `muster hub` runs, without an agent. */
  hubAlone: boolean;
  pid: number;
  /** What `/health` says; undefined leaves its pid out. */
  healthPid: number | undefined;
  shares: ShareView[];
  devices: DeviceView[] | undefined;
  /** Who joined with the token that was made. */
  joined: string | undefined;
  hub: LocalResponse<"status">["hub"];
  signedIn: boolean;
  notices: string[];
  log: string;
  /** Every call with what came: the tests look at it. */
  calls: { name: string; request: unknown }[];
  /** Instead of the answer of a call. */
  broken: Partial<Record<LocalCall, Response>>;
  fetch(url: string, init?: RequestInit): Promise<Response>;
}

export function fakeAgent(): FakeAgent {
  const agent: FakeAgent = {
    running: true,
    hubAlone: false,
    pid: AGENT_PID,
    healthPid: AGENT_PID,
    shares: [],
    devices: [deviceView({ name: "laptop", id: DEVICE_ID })],
    joined: undefined,
    hub: {
      url: HUB_URL,
      id: "hub1",
      state: "connected",
      since: ago(3_600_000),
      reason: null,
      owner_key_on_hub: false,
    },
    signedIn: false,
    notices: [],
    peers: [],
    pairing: undefined,
    inbox: [],
    arriving: [],
    sends: [],
    log: "listening on 3000\nGET / 200\n",
    calls: [],
    broken: {},
    fetch: (url, init) => answer(agent, url, init),
  };
  return agent;
}

async function answer(agent: FakeAgent, text: string, init: RequestInit = {}): Promise<Response> {
  const url = new URL(text);
  if (!agent.running || url.hostname !== "127.0.0.1" || Number(url.port) !== AGENT_PORT) throw refused();
  init.signal?.throwIfAborted();
  if (url.pathname === "/health") return Response.json({ ok: true, pid: agent.healthPid });
  const name = url.pathname.replace("/api/", "") as LocalCall; // an unknown one has no row, and is refused below
  if (new Headers(init.headers).get("authorization") !== `Bearer ${AGENT_TOKEN}`) {
    return refusal(new MusterError("unauthorized", "the token is not the one of this home"));
  }
  const broken = agent.broken[name];
  if (broken !== undefined) return broken;
  const row = LOCAL_API[name];
  // The CLI always sends text.
  const request = row.request.parse(JSON.parse(init.body as string)) as never;
  agent.calls.push({ name, request });
  try {
    if (name === "logs") return new Response(logBody(agent, request));
    if (name === "run" || name === "shell" || name === "forward") return new Response("");
    if (name === "capability_order") return new Response("");
    if (name === "capability") return new Response(jsonLines(capabilityAnswers(request)));
    if (name === "task_query") return new Response(jsonLines(taskAnswers(request)));
    if (name === "query") return new Response(jsonLines(queryAnswer(request)));
    return Response.json(row.response.parse(HANDLERS[name](agent, request)));
  } catch (thrown) {
    if (thrown instanceof MusterError) return refusal(thrown);
    throw thrown;
  }
}

const OWNERS = {
  log: "cm9vdA",
  head: "aGVhZA",
  entries: 3,
  recovery: false,
  items: [
    {
      device_id: DEVICE_ID,
      name: "laptop",
      kind: "laptop",
      role: "controller",
      scopes: ["admin", "command"],
      until: null,
      self: true,
      entry: 0,
    },
  ],
  co_owners: [
    { device_id: DEVICE_ID, device: "pi", name: "anna", owner: "b3duZXI", entry: 1, holds: true },
    { device_id: DEVICE_ID, device: "pi", name: "Ben B.", owner: "b3RoZXI", entry: 2, holds: false },
  ],
};

const HANDLERS: Record<Exclude<LocalCall, StreamCall>, (agent: FakeAgent, request: never) => unknown> = {
  status: (agent) => ({
    hub: agent.hub,
    device: { id: DEVICE_ID, name: "laptop" },
    shares: agent.shares.filter((share) => share.device_id === DEVICE_ID),
    fleet:
      agent.devices === undefined
        ? null
        : {
            hub: { url: HUB_URL, id: "hub1", version: "0.1.0" },
            devices: agent.devices,
            shares: agent.shares,
          },
    notices: agent.notices,
  }),
  add: (agent, request: AddShare) => {
    const wish =
      request.name ??
      (request.port === undefined ? (request.path ?? "").split("/").at(-1) : `app-${request.port}`);
    const taken = agent.shares.some((share) => share.name === wish);
    const name = taken ? `${wish}-2` : (wish ?? "");
    const share = shareView({
      id: `s${agent.shares.length + 1}k2m9x4`,
      name,
      kind: request.port === undefined ? "page" : "app",
      access: request.access,
      expires_at:
        request.expires_in_ms === undefined
          ? null
          : new Date(STARTED_AT + request.expires_in_ms).toISOString(),
    });
    agent.shares.push(share);
    const made = request.access === "password" && request.password === undefined;
    return {
      share,
      ...(made ? { password: "tulip-orbit-92-fern" } : {}),
      warnings: taken ? [`the name ${wish} is taken, so it is ${name}`] : [],
    };
  },
  remove: (agent, request: { share: string }) => {
    const share = find(agent, request.share);
    agent.shares = agent.shares.filter((other) => other !== share);
    return { id: share.id, name: share.name };
  },
  start_app: (agent, request: { share: string }) => ({ share: setState(agent, request.share, "running") }),
  stop_app: (agent, request: { share: string }) => ({ share: setState(agent, request.share, "stopped") }),
  device_token: (_agent, request: { expires_in_ms: number }) => ({
    token: TOKEN,
    expires_at: new Date(STARTED_AT + request.expires_in_ms).toISOString(),
    install: `curl -fsSL ${HUB_URL}/install.sh | sh -s -- ${TOKEN}`,
  }),
  device_invited: ({ joined }) => ({ device_id: joined ?? null }),
  device_show: (agent, request: { device: string }) => {
    const device = findDevice(agent, request.device);
    return {
      device,
      shares: agent.shares.filter((share) => share.device_name === device.name),
      self: device.id === DEVICE_ID,
      role: device.confirmed === false ? "none" : device.id === DEVICE_ID ? "controller" : "member",
      in_log: device.confirmed !== false,
      words: device.confirmed === false ? WORDS : null,
    };
  },
  device_rename: (agent, request: { device: string; name: string }) => {
    const device = findDevice(agent, request.device);
    const from = device.name;
    const taken = agent.devices?.some((other) => other !== device && other.name === request.name) === true;
    device.name = taken ? `${request.name}-2` : request.name;
    return { device_id: device.id, from, name: device.name };
  },
  device_remove: (agent, request: { device: string }) => {
    const device = findDevice(agent, request.device);
    device.status = "revoked";
    return { device_id: device.id, name: device.name, by: "owner_log" };
  },
  device_approve: (agent, request: { device: string }) => {
    const device = findDevice(agent, request.device);
    delete device.confirmed;
    return { device_id: device.id, name: device.name };
  },
  owners: () => OWNERS,
  owner_promote: (_, request: { device: string }) => ({
    device_id: DEVICE_ID,
    name: request.device,
    until: null,
  }),
  device_share: (_, request: { device: string; expires_in_ms: number; browser?: boolean }) => ({
    device_id: DEVICE_ID,
    name: request.device,
    token: SHARE_TOKEN,
    browser: request.browser === true,
    claim: `muster device claim ${HUB_URL}/claim#${SHARE_TOKEN}`,
    link: `${HUB_URL}/claim#${SHARE_TOKEN}`,
    expires_at: new Date(STARTED_AT + request.expires_in_ms).toISOString(),
  }),
  device_unshare: (_, request: { device: string; owner?: string }) => ({
    device_id: DEVICE_ID,
    name: request.device,
    owner: request.owner ?? null,
  }),
  hub_handover: (_, request: { device: string }) => ({ device_id: DEVICE_ID, name: request.device }),
  recovery_make: () => ({ words: Array.from({ length: 24 }, (_, at) => `word${at + 1}`) }),
  recovery_use: () => ({ number: 5, beaten: 2, words: ["one", "two"] }),
  owners_reset: (_, request: { head: string | null }) => ({ ...OWNERS, done: request.head !== null }),
  ...FAKE_TASKS,
  ...FAKE_KEYS,
  order_input: () => ({}),
  order_tell: () => ({}),
  device_rotate: (agent, request: { device: string }) => {
    const device = findDevice(agent, request.device);
    return { device_id: device.id, name: device.name };
  },
  ...FAKE_PEERS,
  leave: () => ({ device_id: DEVICE_ID, name: "laptop" }),
  open_page: () => ({
    url: "http://127.0.0.1:41234/#login.ab12.s3cr3t",
    file: "/home/ada/.muster/open.html",
    expires_at: ago(-300_000),
  }),
  login_link: (agent, request: { even_if_signed_in: boolean }) => ({
    login_url:
      agent.signedIn && !request.even_if_signed_in ? null : "http://muster.localhost:8080/#login.ab12.s3cr3t",
  }),
  audit: (_agent, request: { limit: number; cursor: string | null }) => ({
    items: [
      {
        id: "2",
        at: "2026-11-20T11:58:00.000Z",
        actor: `device:${DEVICE_ID}`,
        action: "share.publish",
        target: "shop",
        detail: { access: "public" },
      },
      { id: "1", at: "2026-11-20T11:00:00.000Z", actor: "owner", action: "login", target: "", detail: {} },
    ].slice(0, request.limit),
    cursor: request.cursor === null ? "c2" : null,
  }),
  service_ticket: (_, request: LocalRequest<"service_ticket">) => fakeTicket(request),
  stop: (agent) => {
    agent.running = false;
    return { pid: agent.pid };
  },
};

function find(agent: FakeAgent, reference: string): ShareView {
  const matching = agent.shares.filter((share) => share.name === reference || share.id.startsWith(reference));
  const [share] = matching;
  if (share === undefined) {
    throw new MusterError("not_found", `there is no share "${reference}"`, { hint: "see `muster ls`" });
  }
  if (matching.length === 1) return share;
  throw new MusterError("ambiguous", `"${reference}" is the beginning of ${matching.length} ids`, {
    hint: `one of ${matching.map((one) => `${one.id} (${one.name})`).join(", ")}`,
  });
}

function findDevice(agent: FakeAgent, reference: string): DeviceView {
  const device = agent.devices?.find((one) => one.name === reference || one.id === reference);
  if (device !== undefined) return device;
  throw new MusterError("not_found", `there is no device "${reference}"`, { hint: "see `muster device ls`" });
}

function setState(agent: FakeAgent, reference: string, state: ShareView["state"]): ShareView {
  const share = find(agent, reference);
  share.state = state;
  return share;
}

function logBody(agent: FakeAgent, request: { share: string; lines: number }): ReadableStream<Uint8Array> {
  find(agent, request.share);
  const lines = agent.log.split("\n").slice(0, -1).slice(-request.lines);
  const bytes = new TextEncoder().encode(lines.map((line) => `${line}\n`).join(""));
  return new ReadableStream({
    start(controller) {
      // A byte at a time splits lines and characters: the reader has to put them together.
      for (const byte of bytes) controller.enqueue(new Uint8Array([byte]));
      controller.close();
    },
  });
}

function refusal(error: MusterError): Response {
  return Response.json({ error }, { status: error.status });
}

function refused(): Error {
  return Object.assign(new TypeError("Unable to connect"), { code: "ConnectionRefused" });
}

function jsonLines(values: readonly object[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join("");
}
