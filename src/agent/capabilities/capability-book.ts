// What this device offers now, from all its sources: less what its owner has disabled. The hub is told at each
// connection and on each change.
import {
  CAPABILITIES_PER_DEVICE,
  serves,
  type CapabilityAsked,
  type CapabilityOffer,
} from "../../protocol/capabilities.ts";
import { publicError, type ErrorCode } from "../../protocol/errors.ts";
import type { Log } from "../../protocol/log.ts";
import type { Timer, Timers } from "../../world/world.ts";
import type { QueryType } from "../../protocol/query-messages.ts";
import type { HubPort } from "../hub-port.ts";
import type { Answerer } from "../queries/query-desk.ts";
import type { Capability, CapabilitySource } from "./capability.ts";
import { joinedModels } from "./joined-models.ts";

export interface CapabilityBookParts {
  timers: Pick<Timers, "after">;
  hub: Pick<HubPort, "state" | "request">;
  log: Log;
  /** Protocols that are not offered, whoever could. */
  disabled: readonly string[];
}

/** Plugins start together: their changes are told together. */
const GATHER_MS = 50;
/** A hub that did not take it is there all the same, and has an older list until it does. */
const AGAIN_MS = 30_000;
/** After anything else it would say the same again. */
const PASSING: ReadonlySet<ErrorCode> = new Set(["storage_full", "too_many", "unavailable", "internal"]);

/** Whoever disables the capability disables its queries. */
const ANSWERED_BY: Partial<Record<QueryType, string>> = {
  ListTasks: "tasks",
  GetTaskStats: "tasks",
  SearchTasks: "tasks",
  SearchKnowledgebase: "knowledgebase",
};

export class CapabilityBook {
  readonly #parts: CapabilityBookParts;
  readonly #sources: CapabilitySource[] = [];
  #told = "";
  #soon: Timer | undefined;
  #again: Timer | undefined;

  constructor(parts: CapabilityBookParts) {
    this.#parts = parts;
  }

  add(source: CapabilitySource): void {
    this.#sources.push(source);
    this.changed();
  }

  /** The first source that offers a protocol has it, models apart. A hub shuts out a device that tells it of more. */
  get capabilities(): readonly Capability[] {
    const found = new Map<string, Capability[]>();
    for (const capability of this.#sources.flatMap((source) => source.capabilities)) {
      const { protocol } = capability.offer;
      if (this.#parts.disabled.includes(protocol)) continue;
      const known = found.get(protocol);
      if (known === undefined) found.set(protocol, [capability]);
      else known.push(capability);
    }
    return [...found.values()]
      .flatMap(([first, ...others]) => (first === undefined ? [] : [joinedModels(first, others)]))
      .slice(0, CAPABILITIES_PER_DEVICE);
  }

  get offers(): CapabilityOffer[] {
    return this.capabilities.map(({ offer }) => offer);
  }

  get queries(): string[] {
    const names = new Set(this.#sources.flatMap((source) => Object.keys(source.queries ?? {})));
    return [...names].slice(0, CAPABILITIES_PER_DEVICE);
  }

  answerer(type: QueryType, name: string | undefined): Answerer | undefined {
    if (this.#parts.disabled.includes(ANSWERED_BY[type] ?? "")) return undefined;
    for (const { answers, queries } of this.#sources) {
      const found = type === "Custom" ? ownOf(queries, name) : answers?.[type];
      if (found !== undefined) return found;
    }
    return undefined;
  }

  find(asked: CapabilityAsked): Capability | undefined {
    return this.capabilities.find(({ offer }) => serves(offer, asked));
  }

  /** A source offers something else than before. */
  changed(): void {
    this.#soon ??= this.#parts.timers.after(GATHER_MS, () => {
      this.#soon = undefined;
      this.#tell();
    });
  }

  close(): void {
    this.#soon?.cancel();
    this.#again?.cancel();
  }

  /** A new session: the hub knows what was said in an earlier one, and may have forgotten. */
  connected(): void {
    this.#told = "";
    this.#tell();
  }

  #tell(): void {
    const { hub, log, timers } = this.#parts;
    if (hub.state.at !== "connected") return;
    const said = { capabilities: this.offers, queries: this.queries };
    const text = JSON.stringify(said);
    if (text === this.#told) return;
    this.#told = text;
    hub.request({ type: "capabilities_update", ...said }, "done").catch((error: unknown) => {
      const { code, message } = publicError(error);
      log.info("the hub did not take what this device offers", { problem: message });
      // Something newer has been said since, perhaps in another session.
      if (this.#told !== text) return;
      this.#told = "";
      this.#again?.cancel();
      if (!PASSING.has(code)) return;
      this.#again = timers.after(AGAIN_MS, () => this.#tell());
    });
  }
}

function ownOf(
  queries: Readonly<Record<string, Answerer>> | undefined,
  name: string | undefined,
): Answerer | undefined {
  return queries !== undefined && name !== undefined && Object.hasOwn(queries, name)
    ? queries[name]
    : undefined;
}
