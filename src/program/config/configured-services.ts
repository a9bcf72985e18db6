// The services of this machine: `[services.NAME]` of the configuration, the variable MUSTER_SERVICES and the flag
// --service, each of which beats the one before where it says the same name.
import { MusterError } from "../../protocol/errors.ts";
import { readServiceEntry, usualType, type ServiceEntry } from "../../protocol/service-entry.ts";
import { SERVICES_PER_DEVICE } from "../../protocol/services.ts";
import { FIRST_BYTE_TIMEOUT_MS } from "../../protocol/limits.ts";
import type { OfferedService } from "../../agent/services/offered-service.ts";
import type { Config } from "./read-config.ts";

export interface ServiceSources {
  config: Config;
  /** With MUSTER_SERVICES in it, perhaps. */
  environment: Readonly<Record<string, string | undefined>>;
  /** Of --service. */
  flags: readonly string[];
}

/** Throws `usage` for an entry that is none, with its text. */
export function configuredServices({ config, environment, flags }: ServiceSources): OfferedService[] {
  const words = (environment["MUSTER_SERVICES"] ?? "")
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");
  const found = new Map<string, OfferedService>();
  for (const one of [
    ...ofConfig(config),
    ...ofWords(words, "the variable MUSTER_SERVICES"),
    ...ofWords(flags, "--service"),
  ]) {
    found.set(one.name, { ...keptOf(found.get(one.name), one), ...one });
  }
  if (found.size <= SERVICES_PER_DEVICE) return [...found.values()];
  throw new MusterError(
    "usage",
    `${found.size} services are more than the ${SERVICES_PER_DEVICE} of a device`,
  );
}

/** A flag that moves a service to another port leaves its path of health and its time as they are. */
function keptOf(
  before: OfferedService | undefined,
  now: ServiceEntry,
): Pick<OfferedService, "health" | "timeoutMs"> {
  const { health, timeoutMs = FIRST_BYTE_TIMEOUT_MS } = before ?? {};
  return { timeoutMs, ...(health === undefined || now.type === "tcp" ? {} : { health }) };
}

function ofConfig(config: Config): OfferedService[] {
  return config.all.flatMap(({ key, value }) => {
    const [, name] = /^services\.([^.]+)\.port$/.exec(key) ?? [];
    if (name === undefined || typeof value !== "number") return [];
    const said = config.text(`services.${name}.type`);
    const health = config.text(`services.${name}.health`);
    const timeout = config.text(`services.${name}.timeout`);
    return [
      {
        name,
        port: value,
        ...(said === "tcp" || said === "http" ? { type: said } : usualType(value)),
        ...(health === undefined ? {} : { health }),
        timeoutMs: timeout === undefined ? FIRST_BYTE_TIMEOUT_MS : durationMs(timeout),
      },
    ];
  });
}

function ofWords(words: readonly string[], source: string): ServiceEntry[] {
  const seen = new Set<string>();
  return words.map((word) => {
    const entry = readServiceEntry(word);
    if ("problem" in entry) {
      throw new MusterError("usage", `"${word}" of ${source} ${entry.problem}`, {
        hint: "as in flowmap-api:8092 or postgres:5432/tcp",
      });
    }
    if (seen.has(entry.name)) throw new MusterError("usage", `${source} names "${entry.name}" twice`);
    seen.add(entry.name);
    return entry;
  });
}

const UNITS_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Of the form that the table of settings has checked. */
function durationMs(text: string): number {
  const unit = text.at(-1) as keyof typeof UNITS_MS;
  return Number(text.slice(0, -1)) * UNITS_MS[unit];
}
