// The hops from the hub on, as far as the hub and its devices tell them: the hub itself, the device's session, the
// agent's own answer.

import { hubFacts } from "../../protocol/hub-api.ts";
import { MusterError } from "../../protocol/errors.ts";
import type { HubFile } from "../../protocol/local-api.ts";
import type { DeviceView } from "../../protocol/views.ts";
import { ago, shortDuration } from "../durations.ts";
import { queryFleet } from "../fleet-queries.ts";
import type { Invocation } from "../invocation.ts";
import type { Overview } from "../overview.ts";
import type { PathProbe } from "./path-probe.ts";
import type { Station } from "./walk.ts";

const AGENT_TIMEOUT_MS = 5_000;

/** That what answers at the hub's address is this home's hub. */
export function hubStation(probe: PathProbe, joined: HubFile, stop: AbortSignal): Station {
  return {
    name: "hub",
    async look() {
      const url = joined.hub_url;
      const options = { ca: joined.ca, headers: { Accept: "application/json" }, stop };
      const answer = await probe.ask(`${url}/api/hub`, options).catch((error: unknown) => {
        stop.throwIfAborted();
        throw new MusterError("hub_unreachable", `the hub takes the connection and does not answer`, {
          cause: error,
          hint: joined.embedded
            ? "restart it: muster stop, then muster start"
            : "on its machine: restart the hub",
        });
      });
      const facts = hubFacts.safeParse(jsonOf(answer.body));
      if (!facts.success) {
        const who = answer.server === null ? "something" : answer.server.slice(0, 60);
        throw new MusterError(
          "hub_unreachable",
          `${who} answers with ${answer.status}, and it is no Muster hub`,
          {
            hint: "a proxy in front of the hub has to pass everything on to it",
          },
        );
      }
      if (facts.data.hub_id !== joined.hub_id) {
        throw new MusterError("hub_unreachable", "another hub answers at that address", {
          hint: "it was set up anew, or its name leads elsewhere; to join that one: muster init --replace",
        });
      }
      return { detail: `Muster ${facts.data.version}` };
    },
  };
}

/** This machine's own session, without which nobody here knows the fleet: its agent's, or one of a controller's key. */
export function ownSession({ state, since, reason }: Overview["hub"]): Station {
  return {
    name: "this machine",
    async look() {
      if (state === "connected") {
        const bare = "no agent runs here; the hub lets in this home's key";
        return { detail: since === null ? bare : "its agent is connected to the hub", ms: null };
      }
      if (state === "stopped") {
        throw new MusterError("agent_not_running", reason ?? "no agent runs here", {
          hint: "start it: muster start",
        });
      }
      throw new MusterError(
        "hub_unreachable",
        `the agent here is not connected${reason === null ? "" : `: ${reason}`}`,
        {
          hint: "it tries again by itself; `muster service logs` tells more",
        },
      );
    },
  };
}

export function sessionStation(device: DeviceView, now: number): Station {
  const { name, status, since, latency_ms: latencyMs } = device;
  return {
    name: "session",
    async look() {
      if (status === "online") {
        const how = since === null ? "" : ` for ${shortDuration(now - Date.parse(since))}`;
        return { detail: `${name} is connected${how}`, ms: latencyMs };
      }
      throw sessionProblem(device, now);
    },
  };
}

function sessionProblem({ name, status, last_seen: lastSeen }: DeviceView, now: number): MusterError {
  const seen = lastSeen === null ? "has never been seen" : `was last seen ${ago(lastSeen, now)}`;
  if (status === "revoked") {
    return new MusterError("device_offline", `${name} was removed from the fleet`, {
      hint: "let it in again: muster device token, then muster init there",
    });
  }
  if (status === "pending") {
    return new MusterError("device_offline", `${name} has joined, and its agent has not come yet`, {
      hint: "on that machine: muster agent, or muster service start",
    });
  }
  return new MusterError("device_offline", `${name} is ${status}: it ${seen}`, {
    hint: "is that machine on, awake and online? There, `muster status` and `muster service logs` tell more",
  });
}

/** A question that only the agent answers, by the way that every command takes. */
export function agentStation(invocation: Invocation, device: DeviceView): Station {
  return {
    name: "agent",
    async look() {
      const offers = device.capabilities?.some(({ protocol }) => protocol === "tasks") ?? false;
      if (!offers) return { detail: "it offers no tasks, so it was not asked", ms: null, unasked: true };
      const {
        answered,
        failed,
        timed_out: late,
      } = await queryFleet(invocation, {
        type: "GetTaskStats",
        params: "{}",
        devices: [device.id],
        timeout_ms: AGENT_TIMEOUT_MS,
      });
      if (answered.includes(device.name)) return { detail: "it answers" };
      const reason = late.includes(device.name)
        ? "does not answer, though it is connected"
        : failed[device.name];
      throw new MusterError("device_offline", `the agent of ${device.name} ${reason ?? "went away"}`, {
        hint: "on that machine: muster service restart",
      });
    },
  };
}

/** What the device itself sees of a service, every ten seconds. */
export function serviceState(device: DeviceView, service: string): Station {
  const found = device.services?.find(({ name }) => name === service);
  return {
    name: `service ${service}`,
    async look() {
      if (found === undefined) throw noService(device, service);
      const { state, reason, local_port: port } = found;
      if (state === "down") {
        throw new MusterError(
          "app_refused",
          `${service} on ${device.name} is down: ${reason ?? "it does not answer"}`,
          {
            hint: `start what listens on port ${port} of ${device.name}`,
          },
        );
      }
      if (state === "up") return { detail: `up on port ${port}, as ${device.name} sees it`, ms: null };
      return { detail: `${device.name} has not looked at port ${port} yet`, ms: null, unasked: true };
    },
  };
}

export function noService({ name, services = [] }: DeviceView, service: string): MusterError {
  const has = services.map((one) => one.name).join(", ");
  return new MusterError("not_found", `${name} has no service "${service}"`, {
    hint: has === "" ? "it has none; see `muster device show`" : `it has ${has}`,
  });
}

export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // whoever asks looks at the shape anyway
  }
}
