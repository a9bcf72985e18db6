// The CLI's end of the agent's local API. A pid or a file is never believed: an agent runs when its `/health`
// answers for that very process. The token is sent only after that, and only to loopback.

import { isAbsolute, join } from "node:path";
import { CAPABILITY_WAITS } from "../protocol/capability-messages.ts";
import { isErrorCode, MusterError, systemCode } from "../protocol/errors.ts";
import {
  agentFile,
  LOCAL_API,
  type AgentFile,
  type LocalCall,
  type LocalRequest,
  type LocalResponse,
  type StreamCall,
} from "../protocol/local-api.ts";
import { isLoopbackAddress } from "../protocol/actors.ts";
import { QUERY_WAIT_MAX_MS } from "../protocol/query-messages.ts";
import { isObject, readJson, readJsonFile } from "./bounded-json.ts";
import type { Invocation } from "./invocation.ts";

const HEALTH_TIMEOUT_MS = 3_000;
const CALL_TIMEOUT_MS = 20_000;
/** An app may take 30 s until its port answers, and is rolled back after that. */
const APP_TIMEOUT_MS = 60_000;
/** Input waits for a program to read it, which is its own business. */
/** Of a device elsewhere, that may have a program to end. */
const TASK_TIMEOUT_MS = 40_000;
const TIMEOUTS_MS: { readonly [Name in LocalCall]?: number } = {
  start_app: APP_TIMEOUT_MS,
  stop_app: APP_TIMEOUT_MS,
  order_input: 86_400_000,
  task_cancel: TASK_TIMEOUT_MS,
  task_logs: TASK_TIMEOUT_MS,
};
/** A stream has no head before its first word, which a device may take long for; the agent itself bounds that. */
const FIRST_WORD_TIMEOUTS_MS: { readonly [Name in StreamCall]?: number } = {
  capability: CAPABILITY_WAITS.allMs + CALL_TIMEOUT_MS,
  query: QUERY_WAIT_MAX_MS + CALL_TIMEOUT_MS,
};
const ANSWER_MAX_BYTES = 16 * 1024 * 1024;

export interface LocalAgent {
  readonly pid: number;
  call<Name extends LocalCall>(name: Name, request: LocalRequest<Name>): Promise<LocalResponse<Name>>;
  /** The body as it comes, until it ends or the run is interrupted. */
  stream<Name extends StreamCall>(
    name: Name,
    request: LocalRequest<Name>,
  ): Promise<AsyncIterable<Uint8Array>>;
}

/**
 * `absent`: nothing listens where an agent was. `silent`: something does, and does not answer as this home's
 * agent should.
 */
export type AgentSearch =
  | { state: "running"; agent: LocalAgent }
  | { state: "absent"; isNewHome: boolean }
  | { state: "silent"; pid: number };

export async function findAgent(invocation: Invocation): Promise<AgentSearch> {
  const { home, surroundings } = invocation;
  const found = agentFile.safeParse(await readJsonFile(surroundings.disk, join(home, "agent.json")));
  const absent = async (): Promise<AgentSearch> => {
    const joined = await readJsonFile(surroundings.disk, join(home, "hub.json"));
    return { state: "absent", isNewHome: joined === undefined };
  };
  if (!found.success) return absent();
  const health = await askHealth(invocation, found.data);
  if (health === "refused") return absent();
  if (health === "silent") return { state: "silent", pid: found.data.pid };
  const token = await readToken(invocation, found.data);
  return { state: "running", agent: localAgent(invocation, { file: found.data, token }) };
}

/** The running agent, or an error that says how to get one. */
export async function requireAgent(invocation: Invocation): Promise<LocalAgent> {
  const search = await findAgent(invocation);
  if (search.state === "running") return search.agent;
  throw agentMissing(search);
}

export function agentMissing(search: Exclude<AgentSearch, { state: "running" }>): MusterError {
  if (search.state === "absent") {
    return new MusterError("agent_not_running", "no agent runs on this machine", {
      hint: search.isNewHome
        ? "start it with a hub of its own: `muster start`; or join a hub first: `muster init HUB_URL`"
        : "start it: `muster start`",
    });
  }
  return new MusterError(
    "agent_not_running",
    `the agent of this home (process ${search.pid}) does not answer`,
    {
      hint: "wait a moment and try again; if it stays so, end that process and run `muster start`",
    },
  );
}

async function askHealth(invocation: Invocation, file: AgentFile): Promise<"ok" | "refused" | "silent"> {
  const { surroundings } = invocation;
  if (!surroundings.processAlive(file.pid)) return "refused";
  try {
    const response = await bounded(invocation, HEALTH_TIMEOUT_MS, async (signal) => {
      const answer = await surroundings.fetch(`${baseOf(file)}/health`, { redirect: "error", signal });
      return { ok: answer.ok, body: await readJson(answer, ANSWER_MAX_BYTES) };
    });
    if (!response.ok) return "silent";
    // Another program on this port, or another home's agent, answers for another process.
    const pid = isObject(response.body) ? response.body["pid"] : undefined;
    return pid === undefined || pid === file.pid ? "ok" : "refused";
  } catch (thrown) {
    if (invocation.interrupted.aborted) throw thrown;
    return isRefused(thrown) ? "refused" : "silent";
  }
}

function localAgent(invocation: Invocation, given: { file: AgentFile; token: string }): LocalAgent {
  const { file, token } = given;
  const post = (name: LocalCall, request: object, signal: AbortSignal): Promise<Response> =>
    invocation.surroundings.fetch(`${baseOf(file)}/api/${name}`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
      body: JSON.stringify(request),
      redirect: "error",
      signal,
    });
  return {
    pid: file.pid,
    async call(name, request) {
      const timeoutMs = TIMEOUTS_MS[name] ?? CALL_TIMEOUT_MS;
      const body = await bounded(invocation, timeoutMs, async (signal) => {
        const response = await post(name, request, signal);
        if (!response.ok) throw await refusalOf(response);
        return await readJson(response, ANSWER_MAX_BYTES);
      }).catch((thrown: unknown) => {
        throw lostAgent(thrown);
      });
      const answer = LOCAL_API[name].response.safeParse(body);
      // The schema found above belongs to `name`; the compiler cannot follow that through the index.
      if (answer.success) return answer.data as LocalResponse<typeof name>;
      throw new MusterError(
        "internal",
        `the agent answered \`${name}\` in a form that this version does not know`,
        {
          cause: answer.error,
          hint: "restart the agent so that both are one version: `muster stop`, then `muster start`",
        },
      );
    },
    async stream(name, request) {
      const timeoutMs = FIRST_WORD_TIMEOUTS_MS[name] ?? CALL_TIMEOUT_MS;
      const response = await bounded(invocation, timeoutMs, (signal) => post(name, request, signal)).catch(
        (thrown: unknown) => {
          throw lostAgent(thrown);
        },
      );
      if (!response.ok) throw await refusalOf(response);
      return piecesOf(response);
    },
  };
}

async function* piecesOf(response: Response): AsyncGenerator<Uint8Array> {
  try {
    yield* response.body ?? [];
  } catch (thrown) {
    throw lostAgent(thrown);
  }
}

/** Runs `ask` with a signal that ends it after `timeoutMs` or at an interrupt. */
async function bounded<Result>(
  { surroundings, interrupted }: Invocation,
  timeoutMs: number,
  ask: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const timeout = new AbortController();
  const timer = surroundings.timers.after(timeoutMs, () =>
    timeout.abort(new MusterError("unavailable", `the agent did not answer within ${timeoutMs / 1_000} s`)),
  );
  try {
    return await ask(AbortSignal.any([timeout.signal, interrupted]));
  } catch (thrown) {
    // A socket's own words for it tell nobody that it was the time.
    throw timeout.signal.aborted ? timeout.signal.reason : thrown;
  } finally {
    timer.cancel();
  }
}

/** `{error: {code, message, hint}}` as the error it was; anything else as what it is. */
async function refusalOf(response: Response): Promise<MusterError> {
  const body = await readJson(response, ANSWER_MAX_BYTES).catch(() => undefined); // then the status must do
  const error = isObject(body) ? body["error"] : undefined;
  if (isObject(error) && typeof error["code"] === "string" && typeof error["message"] === "string") {
    const code = isErrorCode(error["code"]) ? error["code"] : "internal";
    return new MusterError(
      code,
      error["message"],
      typeof error["hint"] === "string" ? { hint: error["hint"] } : {},
    );
  }
  return new MusterError("internal", `the agent answered with status ${response.status}`);
}

function lostAgent(thrown: unknown): unknown {
  if (thrown instanceof MusterError || !(thrown instanceof Error)) return thrown;
  return new MusterError("agent_not_running", "the connection to the agent was lost", {
    hint: "see whether it still runs: `muster status`",
    cause: thrown,
  });
}

async function readToken({ surroundings, home }: Invocation, file: AgentFile): Promise<string> {
  const path = isAbsolute(file.token_file) ? file.token_file : join(home, file.token_file);
  try {
    return new TextDecoder().decode(await surroundings.disk.read(path)).trim();
  } catch (thrown) {
    throw new MusterError("state_unsafe", `the token of the agent can't be read from "${path}"`, {
      cause: thrown,
      hint: "run the command as the user who started the agent",
    });
  }
}

function baseOf(file: AgentFile): string {
  const host = file.host ?? "127.0.0.1";
  // The token goes there: whatever a file says, it stays on this machine.
  if (!isLoopbackAddress(host))
    throw new MusterError("state_corrupt", `agent.json names ${JSON.stringify(host)}`);
  return `http://${host.includes(":") ? `[${host}]` : host}:${file.port}`;
}

/** Node and Bun wrap the system's error at different depths. */
function isRefused(thrown: unknown): boolean {
  const codes = [systemCode(thrown), thrown instanceof Error ? systemCode(thrown.cause) : ""];
  return codes.some((code) => code === "ECONNREFUSED" || code === "ConnectionRefused");
}
