// Calls about one device, to whoever can answer: the agent of this home, else the hub by this home's key.

import type { Invocation } from "./invocation.ts";
import { askAgentOrHub } from "./overview.ts";
import type { DeviceCalls } from "./hub-session.ts";

export function askAboutDevices<Answer>(
  invocation: Invocation,
  ask: (devices: DeviceCalls) => Promise<Answer>,
): Promise<Answer> {
  return askAgentOrHub(invocation, {
    agent: (agent) =>
      ask({
        show: (request) => agent.call("device_show", request),
        invited: (request) => agent.call("device_invited", request),
        rename: (request) => agent.call("device_rename", request),
        approve: (request) => agent.call("device_approve", request),
        rotate: (request) => agent.call("device_rotate", request),
        remove: (request) => agent.call("device_remove", request),
      }),
    hub: async (session) => ask(await session.devices()),
  });
}
