// For tests: a hub's release folder in memory, small programs that are shell scripts, an agent that is a few
// variables, and a clock that passes as soon as somebody waits.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodeCrypto } from "../../identity/crypto-node.ts";
import type { Signer } from "../../identity/crypto.ts";
import { toBase64Url } from "../../protocol/bytes.ts";
import type { ReleaseManifest } from "../../protocol/release.ts";
import { signManifest } from "./manifest.ts";
import type { AgentControl, AgentState, UpgradeParts } from "./upgrade.ts";

export const crypto = nodeCrypto((length) => new Uint8Array(length));
export const SIGNER = crypto.ed25519Signer(new Uint8Array(32).fill(7));
export const STRANGER = crypto.ed25519Signer(new Uint8Array(32).fill(8));
const HUB = "http://hub.test";
export const RELEASED_AT = Date.UTC(2026, 10, 20);

/** A program that says its version, as every program of a release does. */
export function scriptOf(version: string): string {
  return `#!/bin/sh\necho "muster ${version}"\n`;
}

export function manifestOf(version: string, program: string, changes: object = {}): ReleaseManifest {
  return {
    version,
    released_at: new Date(RELEASED_AT + 1000).toISOString(),
    files: [
      {
        platform: "linux-x86_64",
        file: "muster-linux-x86_64",
        size: program.length,
        sha256: new Bun.CryptoHasher("sha256").update(program).digest("hex"),
      },
    ],
    cloudflared: null,
    ...changes,
  };
}

export interface Bench extends AsyncDisposable {
  parts: UpgradeParts;
  path: string;
  folder: string;
  /** What the hub answers, by the name behind /download/. */
  served: Map<string, Uint8Array | string>;
  agent: FakeAgent;
  phases: string[];
  offer(manifest: ReleaseManifest, options?: { signer?: Signer; program?: string }): Promise<void>;
}

export interface FakeAgent extends AgentControl {
  /** Undefined where none runs. */
  now: AgentState | undefined;
  restarts: number;
  /** What a restart leads to; by default the version that the program's file says, connected. */
  onRestart: (version: string) => AgentState | undefined;
}

export async function bench(version = "1.0.0"): Promise<Bench> {
  const folder = await mkdtemp(join(tmpdir(), "muster-upgrade-"));
  const path = join(folder, "muster");
  await Bun.write(path, scriptOf(version), { mode: 0o755 });
  const served = new Map<string, Uint8Array | string>();
  const phases: string[] = [];
  let passedMs = 0;
  const agent: FakeAgent = {
    now: { pid: 100, version, connected: true },
    restarts: 0,
    onRestart: (found) => ({ pid: 100 + agent.restarts, version: found, connected: true }),
    state: () => Promise.resolve(agent.now),
    async restart() {
      agent.restarts += 1;
      const text = await Bun.file(path).text();
      agent.now = agent.onRestart(/muster ([^"]+)/.exec(text)?.[1] ?? "");
    },
  };
  return {
    path,
    folder,
    served,
    agent,
    phases,
    parts: {
      crypto,
      clock: { monotonic: () => passedMs },
      timers: {
        after(delayMs, run) {
          passedMs += delayMs;
          queueMicrotask(run);
          return { cancel() {} };
        },
      },
      source: {
        hubUrl: HUB,
        stop: new AbortController().signal,
        fetch: (url) => {
          const body = served.get(url.slice(`${HUB}/download/`.length));
          if (body === undefined) return Promise.resolve(new Response("{}", { status: 404 }));
          return Promise.resolve(new Response(typeof body === "string" ? body : new Uint8Array(body)));
        },
      },
      program: {
        version,
        platform: "linux-x86_64",
        path,
        build: { releaseKey: toBase64Url(SIGNER.publicKey), releasedAt: RELEASED_AT },
      },
      agent,
      phase: (text) => void phases.push(text),
    },
    async offer(manifest, { signer = SIGNER, program = scriptOf(manifest.version) } = {}) {
      const bytes = new TextEncoder().encode(JSON.stringify(manifest));
      served.set("manifest.json", bytes);
      served.set("manifest.sig", await signManifest(crypto, signer, bytes));
      served.set("linux-x86_64", program);
    },
    async [Symbol.asyncDispose]() {
      await rm(folder, { recursive: true, force: true });
    },
  };
}
