// Whether a service is well: of HTTP with a path for that question, an answer of 2xx; of any other, a connection.
import { systemCode } from "../../protocol/errors.ts";
import type { ServiceHealth } from "../../protocol/services.ts";
import type { Network, Timers } from "../../world/world.ts";
import type { OfferedService } from "./offered-service.ts";

export interface ServiceCheckParts {
  network: Pick<Network, "connect" | "fetch">;
  timers: Pick<Timers, "after">;
}

const CHECK_TIMEOUT_MS = 5000;
/** Services bind one or the other. */
const HOSTS = ["127.0.0.1", "::1"] as const;

/** Resolves in 5 s for each of the two addresses at most. */
export async function checkService(
  parts: ServiceCheckParts,
  service: OfferedService,
): Promise<Pick<ServiceHealth, "state" | "reason">> {
  let reason = "";
  for (const host of HOSTS) {
    const refused = await connects(parts, host, service.port);
    if (refused !== undefined) {
      // The first one's reason: a machine without IPv6 says odd things of "::1".
      reason ||= refused;
      continue;
    }
    if (service.type === "tcp" || service.health === undefined) return { state: "up", reason: null };
    return asks(parts, host, { port: service.port, path: service.health });
  }
  return { state: "down", reason };
}

/** Undefined when it does. */
async function connects(
  { network }: ServiceCheckParts,
  host: string,
  port: number,
): Promise<string | undefined> {
  try {
    const socket = await network.connect({
      address: { host, port },
      timeoutMs: CHECK_TIMEOUT_MS,
      connected: () => ({ data() {}, drain() {}, end() {}, close() {} }),
    });
    socket.close();
    return undefined;
  } catch (error) {
    const code = systemCode(error);
    if (code === "ECONNREFUSED") return `nothing listens on port ${port}`;
    return code === "ETIMEDOUT"
      ? `port ${port} takes no connection within ${CHECK_TIMEOUT_MS / 1000} s`
      : `port ${port} can't be reached (${code || "unknown reason"})`;
  }
}

async function asks(
  { network, timers }: ServiceCheckParts,
  host: string,
  { port, path }: { port: number; path: string },
): Promise<Pick<ServiceHealth, "state" | "reason">> {
  const late = new AbortController();
  const timer = timers.after(CHECK_TIMEOUT_MS, () => late.abort());
  try {
    const authority = host.includes(":") ? `[${host}]` : host;
    const response = await network.fetch(`http://${authority}:${port}${path}`, {
      signal: late.signal,
      redirect: "manual",
      headers: { "user-agent": "muster-health" },
    });
    await response.body?.cancel();
    if (response.ok) return { state: "up", reason: null };
    return { state: "down", reason: `${path} answers ${response.status}` };
  } catch {
    // Whatever the reason: it took the connection and gave no answer.
    const within = late.signal.aborted ? ` within ${CHECK_TIMEOUT_MS / 1000} s` : "";
    return { state: "down", reason: `${path} is not answered${within}` };
  } finally {
    timer.cancel();
  }
}
