// The agent of a home as an upgrade sees it: what its local API says, and how it is ended and started again.
// The service's own commands know best how; where no service is installed, the agent is asked to stop and the
// program at the same path is started in the background.
import { readFile } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { MusterError } from "../../protocol/errors.ts";
import { agentFile, LOCAL_API, type AgentFile } from "../../protocol/local-api.ts";
import type { Fetch } from "./fetch-release.ts";
import type { AgentControl, AgentState } from "./upgrade.ts";
import { z } from "zod";

const CALL_TIMEOUT_MS = 3000;
const COMMAND_TIMEOUT_MS = 60_000;
const STOP_MS = 20_000;
const LOOK_MS = 100;
const SAID_MAX_CHARACTERS = 300;

const health = z.object({ pid: z.number(), version: z.string() });

export interface AgentControlOptions {
  home: string;
  /** Of the program's file. */
  path: string;
  environment: Readonly<Record<string, string | undefined>>;
  /** Reaches loopback directly, whatever proxy is set. */
  fetch: Fetch;
}

export function agentControl(options: AgentControlOptions): AgentControl {
  return {
    state: () => stateOf(options),
    async restart() {
      if ((await command(options, ["service", "restart"])).code === 0) return;
      await stop(options);
      const { code, said } = await command(options, ["start"]);
      if (code !== 0) throw new MusterError("app_failed", said === "" ? `exit ${code}` : said);
    },
  };
}

async function stateOf({ home, fetch }: AgentControlOptions): Promise<AgentState | undefined> {
  try {
    const file = agentFile.parse(JSON.parse(await readFile(join(home, "agent.json"), "utf8")));
    const { pid, version } = health.parse(await ask(fetch, file, "GET /health", ""));
    const status = LOCAL_API.status.response.pick({ hub: true });
    const { hub } = status.parse(await ask(fetch, file, "POST /api/status", await tokenOf(home, file)));
    return { pid, version, connected: hub.state === "connected" };
  } catch {
    return undefined; // whatever is wrong with it, it is not up
  }
}

async function stop(options: AgentControlOptions): Promise<void> {
  const { home, fetch } = options;
  const file = await readFile(join(home, "agent.json"), "utf8")
    .then((text) => agentFile.parse(JSON.parse(text)))
    .catch(() => undefined); // then none runs
  if (file === undefined) return;
  await ask(fetch, file, "POST /api/stop", await tokenOf(home, file)).catch(() => undefined); // gone already
  const until = performance.now() + STOP_MS;
  while (isAlive(file.pid) && performance.now() < until) await Bun.sleep(LOOK_MS);
}

async function ask(fetch: Fetch, file: AgentFile, call: string, token: string): Promise<unknown> {
  const [method = "", path = ""] = call.split(" ");
  const response = await fetch(`http://127.0.0.1:${file.port}${path}`, {
    method,
    redirect: "error",
    signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    ...(method === "POST"
      ? { body: "{}", headers: { "content-type": "application/json", authorization: `Bearer ${token}` } }
      : {}),
  });
  if (!response.ok) throw new Error(`the agent answers with status ${response.status}`);
  return response.json();
}

async function tokenOf(home: string, { token_file }: AgentFile): Promise<string> {
  return (await readFile(isAbsolute(token_file) ? token_file : join(home, token_file), "utf8")).trim();
}

async function command(
  { home, path, environment }: AgentControlOptions,
  args: readonly string[],
): Promise<{ code: number; said: string }> {
  const child = Bun.spawn([path, ...args], {
    env: { ...environment, MUSTER_HOME: home, NO_COLOR: "1" },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
    timeout: COMMAND_TIMEOUT_MS,
  });
  const [code, said] = await Promise.all([child.exited, new Response(child.stderr).text()]);
  return {
    code,
    said: said
      .replaceAll(/[^ -~]+/g, " ")
      .trim()
      .slice(-SAID_MAX_CHARACTERS),
  };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
