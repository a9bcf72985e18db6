// What an assistant may learn of the fleet: its devices, what they offer, and what they answer.

import { z } from "zod";
import { capabilityProtocol, capabilityVersion, modelName } from "../../protocol/capabilities.ts";
import { MusterError } from "../../protocol/errors.ts";
import { RELAY_MESSAGE_MAX_BYTES } from "../../protocol/limits.ts";
import { DEVICE_STATUSES, type DeviceView } from "../../protocol/views.ts";
import { useCapability } from "../capability-calls.ts";
import { fleetDevices } from "../fleet-devices.ts";
import { queryFleet, queryNamed } from "../fleet-queries.ts";
import type { Invocation } from "../invocation.ts";
import { deviceInput, seconds, someDevices } from "./inputs.ts";
import { READS, tool, UNTRUSTED, type Tool } from "./tool.ts";

const FIRST_VERSION = "1.0.0";
/** Of an answer in parts: the last of them usually says it all once more. */
const PARTS_MAX_CHARACTERS = 16_000;

const listDevices = tool({
  name: "list_devices",
  title: "Devices of the fleet",
  description:
    "List the machines of the fleet: name, id, kind, platform, status, since when, services, what each offers, and " +
    "how the machine is (load, memory and disk in bytes). `this_device` marks the one that this server runs on. " +
    UNTRUSTED,
  input: z.strictObject({
    status: z.enum(DEVICE_STATUSES).optional().describe("Only those that are so."),
    device: deviceInput.optional().describe("Only this one, by name or id."),
  }),
  hints: READS,
  async run({ status, device }, { invocation }) {
    const { own, devices } = await fleetDevices(invocation);
    const wanted = devices.filter(
      (one) =>
        (status === undefined || one.status === status) &&
        (device === undefined || one.name === device || one.id === device),
    );
    if (device !== undefined && wanted.length === 0) {
      throw new MusterError("not_found", `no device of the fleet is called "${device}"`, {
        hint: "list_devices without it shows all of them",
      });
    }
    return { facts: { devices: wanted.map((one) => shownDevice(one, own)) } };
  },
});

function shownDevice(device: DeviceView, own: string | null): Record<string, unknown> {
  const { name, id, kind, platform, status, since, last_seen, location, health, latency_ms } = device;
  return {
    name,
    ...(id === own ? { this_device: true } : {}),
    status,
    since,
    last_seen,
    kind,
    platform,
    location,
    latency_ms,
    services: (device.services ?? []).map(({ name: service, service_type, local_port, state }) => ({
      name: service,
      service_type,
      local_port,
      state,
    })),
    capabilities: (device.capabilities ?? []).map(({ protocol, version }) => `${protocol}@${version}`),
    queries: device.queries ?? [],
    health,
    id,
  };
}

const listCapabilities = tool({
  name: "list_capabilities",
  title: "What the fleet offers",
  description:
    "List what devices offer, by protocol and version: its class, which devices offer it, which of them are online, " +
    "and which models there are. call_capability uses those of class `compute`; query asks those of class `read`; " +
    `those of class \`control\` are not used from here. ${UNTRUSTED}`,
  input: z.strictObject({}),
  hints: READS,
  async run(_, { invocation }) {
    const { devices } = await fleetDevices(invocation);
    return { facts: { capabilities: offersOf(devices) } };
  },
});

interface Offer {
  protocol: string;
  version: string;
  class: string;
  online: string[];
  away: string[];
  models: string[];
}

function offersOf(devices: readonly DeviceView[]): Offer[] {
  const offers = new Map<string, Offer>();
  for (const { name, status, capabilities = [] } of devices.filter((device) => device.status !== "revoked")) {
    for (const { protocol, version, class: trust, models = [] } of capabilities) {
      const key = `${protocol} ${version} ${trust}`;
      const offer = offers.get(key) ?? { protocol, version, class: trust, online: [], away: [], models: [] };
      offers.set(key, offer);
      (status === "online" ? offer.online : offer.away).push(name);
      offer.models = [...new Set([...offer.models, ...models])];
    }
  }
  return [...offers.entries()].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, offer]) => offer);
}

const callCapability = tool({
  name: "call_capability",
  title: "Use what a device offers",
  description:
    "Ask whichever device offers a capability of class `compute` (embeddings, llm.chat, …; see list_capabilities) and " +
    `return its answer, with the device that gave it. Nothing else is called. A model may cost its owner money. ${UNTRUSTED}`,
  input: z.strictObject({
    protocol: capabilityProtocol.describe("As list_capabilities has it: embeddings."),
    version: capabilityVersion.default(FIRST_VERSION).describe("At least this, of the same major version."),
    payload: z
      .record(z.string(), z.unknown())
      .default({})
      .describe('What the capability takes: {"text": "hi"} for embeddings, {"messages": […]} for llm.chat.'),
    device: deviceInput.optional().describe("This device or none: nobody else is asked in its place."),
    prefer_device: deviceInput.optional().describe("This device, if it can; else another."),
    model: modelName
      .optional()
      .describe(
        "Only a device that has this model, as list_capabilities has it; name it in the payload too.",
      ),
    timeout_s: seconds({ max: 600, usual: 120 }).describe("Give up after this long."),
  }),
  hints: { readOnlyHint: true, openWorldHint: true },
  async run(
    { protocol, version, payload, model, device: only, prefer_device: prefer, timeout_s: timeout },
    call,
  ) {
    await demandCompute(call.invocation, protocol);
    const text = JSON.stringify(payload);
    if (text.length > RELAY_MESSAGE_MAX_BYTES) throw new MusterError("too_large", "the payload is too long");
    const parts: unknown[] = [];
    let count = 0;
    let characters = 0;
    const { device, payload: answer } = await useCapability(
      call.invocation,
      {
        protocol,
        version,
        payload: text,
        ...(model === undefined ? {} : { model }),
        ...(only === undefined ? {} : { only_device: only }),
        ...(prefer === undefined ? {} : { prefer_device: prefer }),
        timeout_ms: timeout * 1000,
      },
      (part, from) => {
        count += 1;
        characters += JSON.stringify(part).length;
        if (characters <= PARTS_MAX_CHARACTERS) parts.push(part);
        call.progress(`${count} parts from ${from}`);
      },
    );
    const inParts = count === 0 ? {} : { parts, parts_left_out: count - parts.length };
    return { facts: { from_device: device, answer, ...inParts } };
  },
});

/** The devices see to it themselves; here it is said in a way that helps. */
async function demandCompute(invocation: Invocation, protocol: string): Promise<void> {
  const { devices } = await fleetDevices(invocation);
  const classes = new Set(
    offersOf(devices).flatMap((offer) => (offer.protocol === protocol ? [offer.class] : [])),
  );
  if (classes.size === 0 || classes.has("compute")) return;
  throw new MusterError("forbidden", `${protocol} is of class ${[...classes].join(", ")}, not compute`, {
    hint: classes.has("read") ? "ask it by query" : "it is not used from here",
  });
}

const query = tool({
  name: "query",
  title: "Ask the whole fleet",
  description:
    "Ask every device that can answer and return one list, each item with its device. SearchKnowledgebase searches " +
    'the documents that devices keep (params {"q": "words, or a question"}), by words and, where a device can, by ' +
    "meaning. KnowledgebaseState tells which can. Any other name is a query of a plugin, with params of " +
    `its own. For tasks there are list_tasks and search_tasks. ${UNTRUSTED}`,
  input: z.strictObject({
    name: z
      .string()
      .min(1)
      .max(64)
      .describe("SearchKnowledgebase, or a query of a plugin, as list_devices has it."),
    params: z.record(z.string(), z.unknown()).default({}).describe("What the query takes."),
    devices: someDevices,
    timeout_s: seconds({ max: 60, usual: 5 }).describe("Wait so long for each device."),
  }),
  hints: READS,
  async run({ name, params, devices, timeout_s: timeout }, { invocation }) {
    const envelope = await queryFleet(invocation, {
      ...queryNamed(name),
      params: JSON.stringify(params),
      ...(devices === undefined ? {} : { devices }),
      timeout_ms: timeout * 1000,
    });
    return { facts: { ...envelope } };
  },
});

export const FLEET_TOOLS: readonly Tool[] = [listDevices, listCapabilities, callCapability, query];
