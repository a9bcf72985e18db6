// For tests alone: a hub that says what a test wants, homes in folders of their own, and a world whose disk,
// network, processes and databases are real and whose time moves only by hand.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeTime } from "../trunk/testing.ts";
import { MusterError } from "../protocol/errors.ts";
import type { OwnerLogEntry } from "../protocol/owner-log.ts";
import type { ClientToHub, HubMessage, HubToClient } from "../protocol/messages.ts";
import type { FleetView, ProofView } from "../protocol/views.ts";
import { openStore, type Store } from "../store/open-store.ts";
import { realWorld } from "../world/real.ts";
import type { World } from "../world/world.ts";
import type { HubLink } from "./agent-options.ts";
import type { PasswordHasher } from "./gateway/password-check.ts";
import type { Asked, HubSessionOptions, HubSessionState } from "./link/hub-session.ts";
import { STATE_MIGRATIONS, type StateDatabase } from "./state-migrations.ts";

export const NOW = Date.UTC(2026, 10, 20, 6, 9, 38);

/** Wall time that begins at a date, and can be made to jump. */
export class TestTime extends FakeTime {
  #wallOffsetMs = NOW;

  override now(): number {
    return super.now() + this.#wallOffsetMs;
  }

  jumpWall(ms: number): void {
    this.#wallOffsetMs += ms;
  }
}

export function testWorld(time: TestTime = new TestTime()): World & { time: TestTime } {
  return { ...realWorld, clock: time, timers: time, time };
}

/** Lets real I/O go on until it is so. */
export async function until(reached: () => boolean | Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 2_000; turn++) {
    if (await reached()) return;
    await new Promise<void>((resolve) => realWorld.timers.after(2, resolve));
  }
  throw new Error("it never came to be");
}

type Answer = (asked: Asked) => HubToClient | undefined | Promise<HubToClient | undefined>;

export class FakeHub implements HubLink {
  state: HubSessionState = { at: "connecting", problem: undefined };
  readonly asked: Asked[] = [];
  readonly sent: ClientToHub[] = [];
  /** Asked before the usual answers; undefined leaves it to them. */
  override: Answer | undefined;
  proof: ProofView = { state: "live", checked_at: new Date(NOW).toISOString(), latency_ms: 3, reason: null };
  entries: OwnerLogEntry[] = [];
  ownerRoot = "";
  /** Labels by share. */
  readonly labels = new Map<string, string>();
  options: HubSessionOptions | undefined;
  stopped = false;

  /** As `openSession` of an agent. */
  open = (options: HubSessionOptions): HubLink => {
    this.options = options;
    return this;
  };

  start(): void {}

  stop(): void {
    this.stopped = true;
    this.state = { at: "connecting", problem: undefined };
  }

  leave(): Promise<void> {
    this.stop();
    return Promise.resolve();
  }

  connect(): void {
    const registered = {
      type: "registered",
      device_id: "device",
      name: "laptop",
      hostname: "",
      hub_url: "http://localhost:8080",
      signature: "",
    } as const;
    this.state = { at: "connected", sinceMs: NOW, registered };
    this.options?.events.state(this.state);
  }

  lose(): void {
    this.state = { at: "connecting", problem: new MusterError("hub_unreachable", "nothing answers") };
    this.options?.events.state(this.state);
  }

  say(message: HubToClient): void {
    this.options?.events.message(message);
  }

  send(message: ClientToHub): boolean {
    if (this.state.at !== "connected") return false;
    this.sent.push(message);
    return true;
  }

  openStream(): "closed" {
    return "closed";
  }

  async request<Type extends HubToClient["type"]>(asked: Asked, type: Type): Promise<HubMessage<Type>> {
    if (this.state.at !== "connected") throw new MusterError("hub_unreachable", "no session");
    this.asked.push(asked);
    const answer = (await this.override?.(asked)) ?? this.#usual(asked);
    if (answer.type !== type) throw new MusterError("protocol_error", `answered with ${answer.type}`);
    return answer as HubMessage<Type>; // compared on the line above
  }

  askedFor<Type extends Asked["type"]>(type: Type): Extract<Asked, { type: Type }>[] {
    return this.asked.filter((each): each is Extract<Asked, { type: Type }> => each.type === type);
  }

  #usual(asked: Asked): HubToClient {
    const id = "1";
    switch (asked.type) {
      case "share_publish": {
        const label = this.labels.get(asked.share_id) ?? asked.wish;
        this.labels.set(asked.share_id, label);
        return {
          type: "share_published",
          id,
          share_id: asked.share_id,
          label,
          url: `http://${label}.localhost:8080/`,
        };
      }
      case "share_remove":
        this.labels.delete(asked.share_id);
        return { type: "done", id };
      case "log_get":
        return {
          type: "log_entries",
          id,
          owner_root: this.ownerRoot,
          entries: this.entries.slice(asked.from),
        };
      case "log_append":
        if (asked.entry.number !== this.entries.length) throw new MusterError("conflict", "moved on");
        this.entries.push(asked.entry);
        return { type: "done", id };
      case "fleet_get":
      case "fleet_watch":
        return { type: "fleet", id, fleet: this.#fleet() };
      case "login_link_make":
        return { type: "login_link", id, login_url: "http://localhost:8080/#login.x.y" };
      case "audit_get":
        return { type: "audit", id, items: [], cursor: null };
      case "device_rename":
        return { type: "device_renamed", id, device_id: asked.device_id, name: asked.name };
      case "device_key_get":
        return { type: "device_key", id, device_id: asked.device_id, public_key: "", link_key: "" };
      case "service_register":
        return { type: "service_registered", id, device_id: "", services: asked.services };
      case "capabilities_update":
      case "tunnel_want":
      case "tunnel_drop":
      case "device_rotate":
      case "device_revoke":
        return { type: "done", id };
      case "create_pairing":
        return {
          type: "mailbox",
          id,
          mailbox: "K7",
          expires_at: new Date(NOW).toISOString(),
          reach: "anyone",
        };
      case "join_pairing":
      case "paired":
      case "unpair":
        return { type: "done", id };
      case "send":
        return { type: "relayed", id, held: false };
      case "command":
      case "command_outcome":
        throw new MusterError("unknown_message", "a device does not ask that");
    }
  }

  #fleet(): FleetView {
    const shares = [...this.labels].map(([share_id, label]) => ({
      id: share_id,
      name: label,
      kind: "page" as const,
      state: "running" as const,
      url: `http://${label}.localhost:8080/`,
      access: "public" as const,
      device_id: "device",
      device_name: "laptop",
      description: null,
      created_at: new Date(NOW).toISOString(),
      expires_at: null,
      proof: this.proof,
      links: [{ kind: "hub" as const, url: `http://${label}.localhost:8080/`, state: this.proof.state }],
      stable: true,
    }));
    return { hub: { url: "http://localhost:8080", id: "hub", version: "0.1.0" }, devices: [], shares };
  }
}

/** Says what it was given, so that a test is not slow. */
export const plainHasher: PasswordHasher = {
  hash: (password) => Promise.resolve(`hash of ${password}`),
  verify: (password, verifier) => Promise.resolve(verifier === `hash of ${password}`),
};

export function stateStore(world: World, path = ":memory:"): Promise<Store<StateDatabase>> {
  return openStore<StateDatabase>({
    world,
    path,
    migrations: STATE_MIGRATIONS,
    lossLevel: "warning",
    onNotice: () => {},
  });
}

export interface TempHome extends AsyncDisposable {
  path: string;
  file(name: string): string;
}

export async function tempHome(): Promise<TempHome> {
  const path = await mkdtemp(join(tmpdir(), "muster-agent-"));
  return {
    path,
    file: (name) => join(path, name),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const listener = await realWorld.network.listen({
    address: { host: "127.0.0.1", port: 0 },
    connection: () => ({ data() {}, drain() {}, end() {}, close() {} }),
  });
  listener.close();
  return listener.port;
}

/** What the promise was rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it did not reject");
}
