// What the hub counts, in Prometheus' words. One registry per hub, so that two in one process do not add up.
// Labels come from closed lists only: a label whose values visitors choose would grow without end.
import { Counter, Gauge, Registry } from "prom-client";
import { RequestTally, type RequestDone } from "./request-tally.ts";

export interface Metrics {
  request(done: RequestDone): void;
  bytes(direction: "to_device" | "to_visitor", count: number): void;
  /** Requests that did not reach their app, by why. */
  refused(reason: "offline" | "timeout" | "access" | "limit" | "malformed" | "other"): void;
  session(kind: "register" | "attach" | "guest" | "person", event: "opened" | "closed" | "refused"): void;
  proof(state: "live" | "degraded" | "dead" | "unknown"): void;
  /** Read when somebody asks: a gauge that is kept up to date by hand is wrong sooner or later. */
  gauge(name: GaugeName, read: () => number): void;
  readonly contentType: string;
  render(): Promise<string>;
}

const GAUGES = {
  muster_devices_online: "Devices with a proven session.",
  muster_people_online: "Pages and attached clients with a proven session.",
  muster_shares: "Shares that are published.",
  muster_streams: "Streams that are open over all trunks.",
  muster_requests_held: "Requests that wait for a device to come back.",
  muster_memory_bytes: "Resident memory of the process.",
} as const;
export type GaugeName = keyof typeof GAUGES;

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const requests = new RequestTally();
  const bytes = new Counter({
    name: "muster_bytes_total",
    help: "Bytes that passed between visitors and devices.",
    labelNames: ["direction"] as const,
    registers,
  });
  const refusals = new Counter({
    name: "muster_refused_total",
    help: "Requests that did not reach their app.",
    labelNames: ["reason"] as const,
    registers,
  });
  const sessions = new Counter({
    name: "muster_sessions_total",
    help: "Sessions that were opened, closed or refused.",
    labelNames: ["kind", "event"] as const,
    registers,
  });
  const proofs = new Counter({
    name: "muster_proofs_total",
    help: "Requests of the prober through public addresses, by what they showed.",
    labelNames: ["state"] as const,
    registers,
  });

  return {
    request: (done) => requests.add(done),
    bytes: (direction, count) => bytes.inc({ direction }, count),
    refused: (reason) => refusals.inc({ reason }),
    session: (kind, event) => sessions.inc({ kind, event }),
    proof: (state) => proofs.inc({ state }),
    gauge(name, read) {
      registry.registerMetric(
        new Gauge({
          name,
          help: GAUGES[name],
          registers: [],
          collect() {
            this.set(read());
          },
        }),
      );
    },
    contentType: registry.contentType,
    render: async () => `${requests.text()}\n${await registry.metrics()}`,
  };
}
