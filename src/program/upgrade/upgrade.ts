// `muster upgrade`: the hub's signed manifest, the one program it names for this platform, a swap, and a proof.
//
//   manifest → signature → version and date → download → checksum → trial → swap → restart → proof
//                                                                                     ↓ not in time
//                                                                            roll back → restart
//
// Up to the swap a failure changes nothing. After it, the agent has to come up with the new version, and with
// its hub where it had one, or the program before it takes its place again.
import type { Crypto } from "../../identity/crypto.ts";
import { MusterError } from "../../protocol/errors.ts";
import type { ReleaseManifest, ReleasePlatform } from "../../protocol/release.ts";
import type { Clock, Timers } from "../../world/world.ts";
import type { BuildFacts } from "./build-facts.ts";
import { fetchManifest, fetchProgram, type ReleaseSource } from "./fetch-release.ts";
import { openManifest, weighOffer, type Offer } from "./manifest.ts";
import { discard, rollBack, stage, swapIn, tryOut } from "./program-file.ts";

/** This program: what it is, and where its file is. */
export interface RunningProgram {
  version: string;
  platform: ReleasePlatform;
  path: string;
  build: BuildFacts;
}

export interface AgentState {
  pid: number;
  version: string;
  /** Of its session with the hub. */
  connected: boolean;
}

/** The agent of this home, seen from outside. */
export interface AgentControl {
  /** As its local API says; undefined when none answers. */
  state(): Promise<AgentState | undefined>;
  /** Ends it and starts the program that is at its path now. */
  restart(): Promise<void>;
}

export interface UpgradeParts {
  crypto: Pick<Crypto, "sha256" | "verifyEd25519">;
  clock: Pick<Clock, "monotonic">;
  timers: Pick<Timers, "after">;
  source: ReleaseSource;
  program: RunningProgram;
  agent: AgentControl;
  phase(text: string): void;
}

export interface Upgraded {
  manifest: ReleaseManifest;
  /** The agent runs the new version; false where none ran. */
  restarted: boolean;
}

const PROOF_MS = 30_000;
const LOOK_MS = 250;

/** What the hub offers. Throws when it is nothing that may be taken. */
export async function askOffer({ crypto, source, program, phase }: UpgradeParts): Promise<Offer> {
  const { releaseKey } = program.build;
  if (releaseKey === undefined) {
    throw new MusterError("upgrade_refused", "this build is unsigned: it knows no release key to trust", {
      hint: `install the new version from the hub: curl -fsSL ${source.hubUrl}/install.sh | sh`,
    });
  }
  phase("asking the hub what it offers");
  return weighOffer(openManifest(crypto, releaseKey, await fetchManifest(source)), program);
}

export async function takeOffer(parts: UpgradeParts, manifest: ReleaseManifest): Promise<Upgraded> {
  const { source, program, agent, phase } = parts;
  const { version } = manifest;
  const file = manifest.files.find(({ platform }) => platform === program.platform);
  if (file === undefined) {
    throw new MusterError("not_found", `version ${version} has no program for ${program.platform}`);
  }
  phase(`downloading ${version}`);
  const staged = await stage(program.path, file, await fetchProgram(source, program.platform));
  const before = await agent.state();
  await tryOut(staged, version)
    .then(() => swapIn(program.path, staged))
    .finally(() => discard(staged));
  if (before === undefined) return { manifest, restarted: false };
  phase(`starting ${version}`);
  const problem = await bringUp(parts, { version, before });
  if (problem === undefined) return { manifest, restarted: true };
  throw await backToPrevious(parts, { version, before, problem });
}

interface Restart {
  version: string;
  before: AgentState;
}

/** Undefined once the proof is there, else in words what is missing. */
async function bringUp(parts: UpgradeParts, { version, before }: Restart): Promise<string | undefined> {
  try {
    await parts.agent.restart();
  } catch (error) {
    return `it could not be started: ${error instanceof Error ? error.message : String(error)}`;
  }
  const until = parts.clock.monotonic() + PROOF_MS;
  for (;;) {
    const problem = problemOf(await parts.agent.state(), { version, before });
    if (problem === undefined) return undefined;
    if (parts.clock.monotonic() >= until) return `${problem} after ${PROOF_MS / 1000} s`;
    await new Promise<void>((resolve) => parts.timers.after(LOOK_MS, resolve));
  }
}

function problemOf(now: AgentState | undefined, { version, before }: Restart): string | undefined {
  if (now === undefined) return "its local API did not answer";
  if (now.pid === before.pid) return "the process before it was still there";
  if (now.version !== version) return `the agent ran version ${now.version}`;
  return before.connected && !now.connected ? "it had no session with the hub" : undefined;
}

async function backToPrevious(
  parts: UpgradeParts,
  { version, before, problem }: Restart & { problem: string },
): Promise<MusterError> {
  const { program } = parts;
  parts.phase(`going back to ${program.version}`);
  await rollBack(program.path);
  const now = await parts.agent.state();
  const again = await bringUp(parts, {
    version: program.version,
    // To whatever process is there now, the hub's absence is not held against this one.
    before: { ...before, pid: now?.pid ?? 0, connected: false },
  });
  const back = `${program.version} is back${again === undefined ? " and runs" : ` and does not run: ${again}`}`;
  return new MusterError("upgrade_refused", `version ${version} did not come up (${problem}); ${back}`, {
    hint:
      again === undefined ? "its log tells more: agent.log in the logs folder" : "start it: `muster start`",
  });
}
