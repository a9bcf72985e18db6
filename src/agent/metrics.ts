// What the agent counts, in Prometheus' words. One registry per agent, so that two in one process do not add
// up. Labels come from closed lists only.
import { Counter, Gauge, Registry } from "prom-client";
import { SHARE_STATES, type ShareState } from "../protocol/views.ts";

export interface Metrics {
  /** A visitor's request was answered whole. */
  served(response: { status: number; length: number }): void;
  /** `name` is one of the API's own calls. */
  localCall(name: string, outcome: "ok" | "refused"): void;
  readonly contentType: string;
  render(): Promise<string>;
}

/** Read when somebody asks: a gauge that is kept by hand is wrong sooner or later. */
export interface Gauges {
  trunkConnected(): boolean;
  shares(): readonly ShareState[];
}

const STATUS_CLASSES = 10;

export function createMetrics(gauges: Gauges): Metrics {
  const registry = new Registry();
  const registers = [registry];
  // Plain numbers until somebody asks: prom-client's own cost 0.4 µs a request.
  const answered = Array.from({ length: STATUS_CLASSES }, () => 0);
  let answeredBytes = 0;
  registry.registerMetric(
    new Counter({
      name: "muster_agent_requests_total",
      help: "Requests of visitors that were answered.",
      labelNames: ["status"] as const,
      registers: [],
      collect() {
        this.reset();
        for (const [digit, count] of answered.entries())
          if (count > 0) this.inc({ status: `${digit}xx` }, count);
      },
    }),
  );
  registry.registerMetric(
    new Counter({
      name: "muster_agent_answered_bytes_total",
      help: "Bytes of the answers' bodies.",
      registers: [],
      collect() {
        this.reset();
        this.inc(answeredBytes);
      },
    }),
  );
  const calls = new Counter({
    name: "muster_agent_local_calls_total",
    help: "Calls of the local API.",
    labelNames: ["name", "outcome"] as const,
    registers,
  });
  registry.registerMetric(
    new Gauge({
      name: "muster_agent_trunk_connected",
      help: "1 while there is a proven session with the hub.",
      registers: [],
      collect() {
        this.set(gauges.trunkConnected() ? 1 : 0);
      },
    }),
  );
  registry.registerMetric(
    new Gauge({
      name: "muster_agent_shares",
      help: "Shares of this device, by state.",
      labelNames: ["state"] as const,
      registers: [],
      collect() {
        const states = gauges.shares();
        for (const state of SHARE_STATES) this.set({ state }, states.filter((each) => each === state).length);
      },
    }),
  );
  return {
    served({ status, length }) {
      const digit = Math.min(STATUS_CLASSES - 1, Math.trunc(status / 100));
      answered[digit] = (answered[digit] ?? 0) + 1;
      answeredBytes += length;
    },
    localCall: (name, outcome) => calls.inc({ name, outcome }),
    contentType: registry.contentType,
    render: () => registry.metrics(),
  };
}
