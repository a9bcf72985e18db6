// Requests, counted as plain numbers and put into Prometheus' words when somebody asks: through prom-client's
// own counters each request of a visitor cost 0.9 µs, a tenth of all that the hub does for it.
type RequestPlace = "api" | "page" | "share";

export interface RequestDone {
  place: RequestPlace;
  /** The route's own pattern, never a path. */
  route: string;
  status: number;
  seconds: number;
}

/** From a cached page on this machine to an answer that took its time. */
const BOUNDS_S = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30];
const STATUS_CLASSES = 10;

interface PlaceTally {
  /** By route; a count for each class of status, "2xx" at 2. */
  readonly routes: Map<string, number[]>;
  /** How many took no longer than each bound, and longer than the one before; the last are above all. */
  readonly buckets: number[];
  seconds: number;
}

export class RequestTally {
  readonly #places = new Map<RequestPlace, PlaceTally>();

  add({ place, route, status, seconds }: RequestDone): void {
    let tally = this.#places.get(place);
    if (tally === undefined) {
      tally = { routes: new Map(), buckets: zeros(BOUNDS_S.length + 1), seconds: 0 };
      this.#places.set(place, tally);
    }
    let classes = tally.routes.get(route);
    if (classes === undefined) tally.routes.set(route, (classes = zeros(STATUS_CLASSES)));
    addOne(classes, Math.min(STATUS_CLASSES - 1, Math.trunc(status / 100)));
    let bucket = 0;
    while (bucket < BOUNDS_S.length && seconds > (BOUNDS_S[bucket] ?? Infinity)) bucket++;
    addOne(tally.buckets, bucket);
    tally.seconds += seconds;
  }

  /** Two metrics in Prometheus' text form. Places and routes are ours and hold nothing that must be escaped. */
  text(): string {
    const counts: string[] = [];
    const durations: string[] = [];
    for (const [place, { routes, buckets, seconds }] of this.#places) {
      for (const [route, classes] of routes) {
        for (const [digit, count] of classes.entries()) {
          if (count === 0) continue;
          counts.push(
            `muster_requests_total{place="${place}",route="${route}",status="${digit}xx"} ${count}`,
          );
        }
      }
      let sum = 0;
      for (const [index, count] of buckets.entries()) {
        sum += count;
        const bound = BOUNDS_S[index] ?? "+Inf";
        durations.push(`muster_request_seconds_bucket{le="${bound}",place="${place}"} ${sum}`);
      }
      durations.push(`muster_request_seconds_sum{place="${place}"} ${seconds}`);
      durations.push(`muster_request_seconds_count{place="${place}"} ${sum}`);
    }
    return [
      "# HELP muster_requests_total Requests that were answered.",
      "# TYPE muster_requests_total counter",
      ...counts,
      "",
      "# HELP muster_request_seconds From a request's head to the end of its answer.",
      "# TYPE muster_request_seconds histogram",
      ...durations,
      "",
    ].join("\n");
  }
}

function zeros(length: number): number[] {
  return Array.from({ length }, () => 0);
}

function addOne(counts: number[], at: number): void {
  counts[at] = (counts[at] ?? 0) + 1;
}
