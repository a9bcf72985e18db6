import { expect, test } from "bun:test";
import { arrange } from "./arrange.ts";
import { changes } from "./changes.ts";
import { device, fleet, NOW, secondsAgo, share } from "./fleet.fixture.ts";
import { shownDevice, shownService, shownShare } from "./shown-state.ts";
import { verdict } from "./verdict.ts";

const dead = {
  state: "dead",
  checked_at: secondsAgo(2),
  latency_ms: null,
  reason: "connection refused",
} as const;

test("a running share is what its proof says", () => {
  expect(shownShare(share("docs", "atlas"), NOW)).toEqual({ mark: "live", word: "live", reason: null });
  expect(shownShare(share("docs", "atlas", { proof: dead }), NOW)).toEqual({
    mark: "dead",
    word: "dead",
    reason: "connection refused",
  });
});

test("a proof that is too old is not repeated as live", () => {
  const proof = { state: "live", checked_at: secondsAgo(21), latency_ms: 4, reason: null } as const;
  const shown = shownShare(share("docs", "atlas", { proof }), NOW);
  expect([shown.mark, shown.reason]).toEqual(["unknown", "was live 21 s ago, no proof since"]);
});

test("an old picture is judged by its own time", () => {
  const old = share("docs", "atlas", {
    proof: { state: "live", checked_at: secondsAgo(61), latency_ms: 4, reason: null },
  });
  expect(shownShare(old, NOW - 60_000).mark).toBe("live");
});

test("a stopped share is neither live nor dead, whatever its last proof was", () => {
  expect(shownShare(share("docs", "atlas", { state: "stopped" }), NOW).word).toBe("stopped");
  expect(shownShare(share("docs", "atlas", { state: "crashed" }), NOW).mark).toBe("dead");
});

test("an app that nobody answers for is a trouble, one that was never tried is not", () => {
  const refused = {
    state: "degraded",
    checked_at: secondsAgo(2),
    latency_ms: 1,
    reason: "the app refuses connections",
  } as const;
  const untried = { state: "unknown", checked_at: null, latency_ms: null, reason: null } as const;
  const waiting = (name: string, proof: typeof refused | typeof untried) =>
    share(name, "atlas", { state: "waiting", proof });
  const told = verdict(fleet([device("atlas")], [waiting("shop", refused), waiting("new", untried)]), NOW);
  expect(told.troubles.map((trouble) => `${trouble.name} ${trouble.says}`)).toEqual([
    "shop waiting: the app refuses connections",
  ]);
});

test("every status of a device has a mark and a word", () => {
  expect(
    (["online", "offline", "stale", "pending", "revoked"] as const).map(
      (status) => shownDevice(device("a", { status })).mark,
    ),
  ).toEqual(["live", "dead", "dead", "unknown", "dead"]);
});

test("the first line says that all is well", () => {
  const all = verdict(fleet([device("atlas"), device("nas")], [share("docs", "atlas")]), NOW);
  expect(all).toEqual({ headline: "All is well", troubles: [], counts: "2 devices online · 1 share live" });
});

test("a stale device is a trouble, and says it once for all that it published", () => {
  const stale = device("nas", { status: "stale", last_seen: secondsAgo(40 * 86_400) });
  const told = verdict(fleet([device("atlas"), stale], [share("docs", "nas", { proof: dead })]), NOW);
  expect(told.troubles.map((trouble) => `${trouble.name} ${trouble.says}`)).toEqual([
    "nas stale, last seen 40 d ago",
  ]);
});

test("the first line names exactly what is not well", () => {
  const offline = device("nas", { status: "offline", last_seen: secondsAgo(250) });
  const told = verdict(fleet([device("atlas"), offline], [share("docs", "atlas", { proof: dead })]), NOW);
  expect(told.headline).toBe("2 things are not well");
  expect(told.troubles.map((trouble) => `${trouble.name} ${trouble.says}`)).toEqual([
    "nas offline, last seen 4 min ago",
    "docs dead: connection refused",
  ]);
  expect(told.counts).toBe("1 of 2 devices online · 0 of 1 share live");
});

test("an offline device is one trouble, not one more for each of its shares", () => {
  const offline = device("nas", { status: "offline" });
  expect(verdict(fleet([offline], [share("photos", "nas", { proof: dead })]), NOW).troubles).toHaveLength(1);
});

test("a full disk is a trouble before it stops the machine", () => {
  const health = {
    uptime_s: 1,
    load_1m: 0,
    cpus: 4,
    memory_used: 1,
    memory_total: 100,
    disk_free: 4e9,
    disk_total: 100e9,
  };
  const told = verdict(fleet([device("gpu", { health })]), NOW);
  expect(told.troubles.map((trouble) => trouble.says)).toEqual(["only 4.0 GB of its disk are free"]);
});

test("a closed browser is no trouble", () => {
  const away = device("Firefox", { kind: "browser", status: "offline" });
  expect(verdict(fleet([device("atlas"), away]), NOW).headline).toBe("All is well");
});

test("the machine with the hub comes first, then who is online, then by name", () => {
  const devices = [device("zoe"), device("nas", { status: "offline" }), device("bert"), device("hub")];
  const { machines } = arrange(fleet(devices), "", "hub");
  expect(machines.map((group) => group.device.name)).toEqual(["hub", "bert", "zoe", "nas"]);
});

test("typing keeps a device that matches with all its shares", () => {
  const all = fleet([device("atlas"), device("nas")], [share("docs", "atlas"), share("shop", "atlas")]);
  const { machines } = arrange(all, "atl", null);
  expect(machines.map((group) => [group.device.name, group.shares.length])).toEqual([["atlas", 2]]);
});

test("typing keeps a share that matches, under its device", () => {
  const all = fleet([device("atlas"), device("nas")], [share("docs", "atlas"), share("photos", "nas")]);
  const { machines } = arrange(all, "  PHOTO live ", null);
  expect(machines.map((group) => [group.device.name, group.shares.map((kept) => kept.name)])).toEqual([
    ["nas", ["photos"]],
  ]);
});

test("what changed is told in sentences and marked by line", () => {
  const before = fleet([device("atlas"), device("nas")], [share("docs", "atlas"), share("old", "atlas")]);
  const after = fleet(
    [device("atlas"), device("nas", { status: "offline" })],
    [share("docs", "atlas", { proof: dead }), share("new", "atlas")],
  );
  const { sentences, moved } = changes(before, after, NOW);
  expect(sentences).toEqual([
    "nas is offline.",
    "docs is dead.",
    "The share new was added.",
    "The share old was removed.",
  ]);
  expect([...moved]).toEqual(["nas", "share-docs", "share-new"]);
});

test("the first picture and a mere new proof are no news", () => {
  const now = fleet([device("atlas")], [share("docs", "atlas")]);
  expect(changes(null, now, NOW).moved.size).toBe(0);
  expect(changes(now, fleet([device("atlas")], [share("docs", "atlas")]), NOW).sentences).toEqual([]);
});

test("a hub that comes back is not read out line by line", () => {
  const before = fleet([]);
  const after = fleet(["a", "b", "c", "d", "e", "f"].map((name) => device(name)));
  expect(changes(before, after, NOW).sentences).toEqual(["6 things changed."]);
});

test("a service is as its device last asked it, and unknown while that is away", () => {
  expect(shownService({ state: "up", reason: null }, "online").mark).toBe("live");
  expect(shownService({ state: "unknown", reason: null }, "online").mark).toBe("unknown");
  const down = { state: "down", reason: "nothing listens on port 5432" } as const;
  expect(shownService(down, "online")).toEqual({ mark: "dead", word: "down", reason: down.reason });
  expect(shownService(down, "offline")).toMatchObject({ mark: "unknown", reason: "device is offline" });
});

test("typing finds a device by what it offers", () => {
  const services = [
    { name: "grafana", service_type: "http", local_port: 3000, state: "up", checked_at: null, reason: null },
  ] as const;
  const capabilities = [{ protocol: "llm.chat", version: "1.0.0", class: "compute" }] as const;
  const devices = [
    device("atlas"),
    device("pi", { services: [...services], capabilities: [...capabilities] }),
  ];
  for (const typed of ["grafana", "llm.chat", "pi http"]) {
    expect(arrange(fleet(devices), typed, null).machines.map((group) => group.device.name)).toEqual(["pi"]);
  }
});
