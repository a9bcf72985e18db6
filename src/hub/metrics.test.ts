import { expect, test } from "bun:test";
import { createMetrics } from "./metrics.ts";

test("counts are told in Prometheus' text form, statuses by their class", async () => {
  const metrics = createMetrics();
  metrics.request({ place: "api", route: "GET /health", status: 200, seconds: 0.002 });
  metrics.request({ place: "api", route: "GET /health", status: 204, seconds: 0.002 });
  metrics.bytes("to_visitor", 100);
  metrics.session("register", "opened");
  const text = await metrics.render();
  expect(text).toContain('muster_requests_total{place="api",route="GET /health",status="2xx"} 2');
  expect(text).toContain('muster_bytes_total{direction="to_visitor"} 100');
  expect(text).toContain('muster_request_seconds_bucket{le="0.005",place="api"} 2');
  expect(metrics.contentType).toContain("text/plain");
});

test("a gauge is read when somebody asks", async () => {
  const metrics = createMetrics();
  let online = 1;
  metrics.gauge("muster_devices_online", () => online);
  expect(await metrics.render()).toContain("muster_devices_online 1");
  online = 7;
  expect(await metrics.render()).toContain("muster_devices_online 7");
});

test("two hubs in one process count apart", async () => {
  const [one, two] = [createMetrics(), createMetrics()];
  one.refused("offline");
  expect(await one.render()).toContain('muster_refused_total{reason="offline"} 1');
  expect(await two.render()).not.toContain('reason="offline"');
});

test("a time counts in its bucket and in every larger one", async () => {
  const metrics = createMetrics();
  for (const seconds of [0.001, 0.3, 60]) {
    metrics.request({ place: "share", route: "share", status: 502, seconds });
  }
  const text = await metrics.render();
  const lines = text.split("\n").filter((line) => line.startsWith("muster_request"));
  expect(lines).toEqual([
    'muster_requests_total{place="share",route="share",status="5xx"} 3',
    'muster_request_seconds_bucket{le="0.001",place="share"} 1',
    'muster_request_seconds_bucket{le="0.005",place="share"} 1',
    'muster_request_seconds_bucket{le="0.01",place="share"} 1',
    'muster_request_seconds_bucket{le="0.05",place="share"} 1',
    'muster_request_seconds_bucket{le="0.1",place="share"} 1',
    'muster_request_seconds_bucket{le="0.5",place="share"} 2',
    'muster_request_seconds_bucket{le="1",place="share"} 2',
    'muster_request_seconds_bucket{le="5",place="share"} 2',
    'muster_request_seconds_bucket{le="30",place="share"} 2',
    'muster_request_seconds_bucket{le="+Inf",place="share"} 3',
    'muster_request_seconds_sum{place="share"} 60.301',
    'muster_request_seconds_count{place="share"} 3',
  ]);
});
