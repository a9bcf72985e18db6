// The log of a simulated program: everything goes into the trace, and what is logged as an error is a fault
// of the program, since nothing in a run is anybody else's fault.
import type { Log, LogFields } from "../../src/protocol/log.ts";
import type { Ledger } from "./ledger.ts";
import { Killed } from "./sim-sqlite.ts";
import type { SimTime } from "./sim-time.ts";

export function simLog(name: string, time: SimTime, ledger: Ledger): Log {
  const tell =
    (level: string) =>
    (event: string, fields: LogFields = {}) =>
      time.trace(`${name} ${level}: ${event} ${shown(fields)}`);
  return {
    debug: tell("debug"),
    info: tell("info"),
    warn: tell("warn"),
    error(event, fields = {}) {
      if (diedOf(fields["error"])) return;
      ledger.violate(`${name} logged "${event}" ${shown(fields)}`);
    },
    part: (part) => simLog(`${name}.${part}`, time, ledger),
  };
}

/** What a killed program would have said. */
function diedOf(error: unknown): boolean {
  return (
    error instanceof Killed || (error instanceof Error && error.cause !== undefined && diedOf(error.cause))
  );
}

function shown(fields: LogFields): string {
  return JSON.stringify(fields, (_key, value: unknown) =>
    value instanceof Error ? `${value.name}: ${value.message} ${value.stack ?? ""}` : value,
  );
}
