// The prober: every few seconds it goes to each share through the hub's own front door, as a visitor would,
// and asks for an answer that only the right agent can give. What it says is what it saw. A share whose address
// leads to its device's tunnel is asked at that public address, by way of the internet.
//
//   live       the nonce came back, and the target takes connections
//   degraded   it came back, but the target refuses or took over two seconds
//   dead       nothing came back twice in a row
//   unknown    by a tunnel: this hub could not even ask
import { ClientExchange } from "../http1/client-exchange.ts";
import { field } from "../http1/field.ts";
import { serializeRequest } from "../http1/serialize.ts";
import type { Crypto } from "../identity/crypto.ts";
import { equalSecretBytes, fromBase64Url, fromUtf8, toBase64Url, utf8 } from "../protocol/bytes.ts";
import { PROOF_EVERY_MS, PROOF_TIMEOUT_MS } from "../protocol/limits.ts";
import { PROOF_PATH, proofText } from "../protocol/proof-text.ts";
import { isPublicAddress } from "../protocol/public-address.ts";
import type { ProofView } from "../protocol/views.ts";
import type { Address, World } from "../world/world.ts";
import type { ShareRecord, ShareTable } from "./shares/share-table.ts";

const SLOW_MS = 2000;
const ANSWER_MAX_BYTES = 4096;
const WAYS_OF_A_HUB = ["hub"] as const;
const WAYS_OF_A_TUNNEL = ["named", "hub"] as const;
const HTTPS_PORT = 443;
const CLOSED = { data() {}, drain() {}, end() {}, close() {} };
/** Proofs under way at once. */
const PARALLEL_MAX = 64;

export interface ProberOptions {
  world: Pick<World, "clock" | "timers" | "network">;
  crypto: Crypto;
  shares: ShareTable;
  /** The hub's own listener, as a visitor of this machine reaches it. */
  address: Address;
  tls: { serverName: string; rejectUnauthorized: false } | undefined;
  /** Whether the device has a session now; without one there is nothing to ask. */
  isConnected(deviceId: string): boolean;
  /** Host field of a share's address. */
  hostOf(label: string): string;
  proved(state: ProofView["state"]): void;
}

interface Seen {
  ok: boolean;
  /** Nothing was asked: this end found no way out. */
  unasked?: true;
  degraded: string | undefined;
  reason: string;
}

export class Prober {
  readonly #options: ProberOptions;
  readonly #underWay = new Set<string>();
  /** Whose turn comes, in order: many that never answer delay the others and do not starve them. */
  readonly #due = new Map<string, ShareRecord>();
  /** Shares that failed last time; the second failure in a row is "dead". */
  readonly #failedOnce = new Set<string>();
  #stop: (() => void) | undefined;

  constructor(options: ProberOptions) {
    this.#options = options;
  }

  start(): void {
    const timer = this.#options.world.timers.every(PROOF_EVERY_MS, () => this.probeAll());
    this.#stop = () => timer.cancel();
  }

  stop(): void {
    this.#stop?.();
  }

  probeAll(): void {
    for (const share of this.#options.shares.all()) this.probe(share);
  }

  /** One proof of one share, in its turn; does nothing while one is due or under way. */
  probe(share: ShareRecord): void {
    if (this.#underWay.has(share.shareId)) return;
    this.#due.set(share.shareId, share);
    this.#next();
  }

  #next(): void {
    for (const [id, share] of this.#due) {
      if (this.#underWay.size >= PARALLEL_MAX) return;
      this.#due.delete(id);
      if (this.#options.shares.byId(id) !== undefined) this.#begin(share);
    }
  }

  #begin(share: ShareRecord): void {
    this.#underWay.add(share.shareId);
    const { clock } = this.#options.world;
    const began = clock.monotonic();
    this.#ask(share).then(
      (seen) => this.#note(share, seen, clock.monotonic() - began),
      (error: unknown) =>
        this.#note(
          share,
          { ok: false, degraded: undefined, reason: String(error) },
          clock.monotonic() - began,
        ),
    );
  }

  #note(share: ShareRecord, seen: Seen, tookMs: number): void {
    this.#underWay.delete(share.shareId);
    this.#next();
    const { shares, world, proved } = this.#options;
    if (shares.byId(share.shareId) === undefined) return void this.#failedOnce.delete(share.shareId);
    const checkedAt = new Date(world.clock.now()).toISOString();
    const latencyMs = Math.round(tookMs * 10) / 10;
    if (seen.unasked === true) {
      this.#failedOnce.delete(share.shareId);
      proved("unknown");
      return shares.setProof(share.shareId, {
        state: "unknown",
        checked_at: checkedAt,
        latency_ms: null,
        reason: seen.reason,
      });
    }
    if (!seen.ok) {
      const again = this.#failedOnce.has(share.shareId) || share.proof.state === "dead";
      this.#failedOnce.add(share.shareId);
      // One lost answer is not yet a dead link; a device that left may be back at the next look.
      if (!again) return;
      proved("dead");
      return shares.setProof(share.shareId, {
        state: "dead",
        checked_at: checkedAt,
        latency_ms: null,
        reason: seen.reason,
      });
    }
    this.#failedOnce.delete(share.shareId);
    const reason = seen.degraded ?? (tookMs > SLOW_MS ? "slow" : null);
    const state = reason === null ? "live" : "degraded";
    proved(state);
    shares.setProof(share.shareId, { state, checked_at: checkedAt, latency_ms: latencyMs, reason });
  }

  async #ask(share: ShareRecord): Promise<Seen> {
    const { crypto, hostOf, isConnected, shares } = this.#options;
    const byTunnel = shares.byId(share.shareId)?.byTunnel === true;
    if (!byTunnel && !isConnected(share.deviceId))
      return { ok: false, degraded: undefined, reason: "the device is offline" };
    const nonce = toBase64Url(crypto.randomBytes(32));
    const host = hostOf(share.label);
    const answered = await this.#get(host, { target: `${PROOF_PATH}?nonce=${nonce}`, byTunnel });
    if ("noWay" in answered) return { ok: false, unasked: true, degraded: undefined, reason: answered.noWay };
    const { status, body } = answered;
    if (status !== 200 && byTunnel)
      return { ok: false, degraded: undefined, reason: `the tunnel answers with status ${status}` };
    if (status !== 200) return { ok: false, degraded: undefined, reason: reasonOf(status) };
    const answer = readAnswer(body);
    // A name that was led elsewhere a moment ago may lead through this hub for some; the agent is the right one.
    const expected = (byTunnel ? WAYS_OF_A_TUNNEL : WAYS_OF_A_HUB).map((way) =>
      crypto.hmacSha256(share.proofKey, utf8(proofText(nonce, host, way))),
    );
    const given = fromBase64Url(answer?.mac ?? "") ?? new Uint8Array(0);
    if (
      answer === undefined ||
      answer.nonce !== nonce ||
      !expected.some((one) => equalSecretBytes(one, given))
    ) {
      return { ok: false, degraded: undefined, reason: "another agent answered" };
    }
    return {
      ok: true,
      degraded: answer.target === "ok" ? undefined : "the app refuses connections",
      reason: "",
    };
  }

  /** One GET by the front door, or at the public address. */
  #get(
    host: string,
    { target, byTunnel }: { target: string; byTunnel: boolean },
  ): Promise<{ status: number; body: Uint8Array } | { noWay: string }> {
    const { world } = this.#options;
    const { address, tls } = byTunnel
      ? { address: { host, port: HTTPS_PORT }, tls: { serverName: host } }
      : this.#options;
    return new Promise((resolve, reject) => {
      let reached = !byTunnel;
      const limit = world.timers.after(PROOF_TIMEOUT_MS, () => {
        if (reached) fail(new Error("no answer in time"));
        else resolve({ noWay: `this hub can't get to ${host} in time` });
      });
      let give = () => {};
      let status = 0;
      let body = new Uint8Array(0);
      const fail = (error: Error) => {
        limit.cancel();
        give();
        reject(error);
      };
      const line = { method: "GET", target, version: "1.1" } as const;
      const head = serializeRequest(line, [field("Host", host), field("Connection", "close")]);
      const connected = world.network.connect({
        address,
        ...(tls === undefined ? {} : { tls }),
        timeoutMs: PROOF_TIMEOUT_MS,
        connected: (socket) => {
          // Names can be pointed anywhere, and this hub's own network is nobody's to ask.
          if (byTunnel && !isPublicAddress(socket.remoteAddress)) {
            limit.cancel();
            socket.close();
            resolve({ noWay: `${host} leads to ${socket.remoteAddress}, which is no public address` });
            return CLOSED;
          }
          reached = true;
          give = () => socket.close();
          const exchange = new ClientExchange({
            stream: socket,
            head,
            asked: { method: "GET", version: "1.1", upgrade: undefined },
            hasBody: false,
            events: {
              interim() {},
              head: (answer) => void (status = answer.status),
              body(bytes) {
                if (body.length + bytes.length > ANSWER_MAX_BYTES) return fail(new Error("not a proof"));
                body = Buffer.concat([body, bytes]);
              },
              writable() {},
              rawEnd() {},
              end() {
                limit.cancel();
                give();
                resolve({ status, body });
              },
              broken: (reason) => fail(new Error(`the answer broke off (${reason})`)),
            },
          });
          exchange.start();
          return exchange;
        },
      });
      connected.catch((error: unknown) => {
        const problem = error instanceof Error ? error : new Error(String(error));
        if (!byTunnel) return fail(problem);
        limit.cancel();
        resolve({ noWay: `this hub can't get to ${host}: ${problem.message}` });
      });
    });
  }
}

function reasonOf(status: number): string {
  if (status === 503) return "the device is offline";
  if (status === 502) return "the device did not answer";
  return `status ${status}`;
}

function readAnswer(body: Uint8Array): { nonce: string; mac: string; target: string } | undefined {
  try {
    const value: unknown = JSON.parse(fromUtf8(body) ?? "");
    if (typeof value !== "object" || value === null) return undefined;
    const { nonce, mac, target } = value as Record<string, unknown>; // each is looked at on the next line
    if (typeof nonce !== "string" || typeof mac !== "string" || typeof target !== "string") return undefined;
    return { nonce, mac, target };
  } catch {
    return undefined; // not ours, then
  }
}
