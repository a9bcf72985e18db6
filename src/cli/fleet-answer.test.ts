import { describe, expect, test } from "bun:test";
import type { QueryReply } from "../protocol/query-messages.ts";
import { runCli } from "./run-cli.ts";
import { FakeScreen } from "./testing/fake-screen.ts";
import { fakeSurroundings } from "./testing/fake-surroundings.ts";

const query_id = "019ab000-0000-7000-8000-000000000001";
const expected = (...names: string[]): QueryReply => ({
  type: "aggregate_query_expected",
  query_id,
  expected: names.map((name) => ({ id: `id-${name}`, name })),
});
const part = (from_device: string, items: object[]): QueryReply => ({
  type: "aggregate_query_part",
  query_id,
  from_device,
  data: JSON.stringify({ items }),
  is_final: true,
});
const found = (title: string, rank: number) => ({
  title,
  path: `${title}.md`,
  snippet: `about ${title}`,
  rank,
});
const done = (answered: string[], timed_out: string[] = []): QueryReply => ({
  type: "aggregate_query_done",
  query_id,
  answered,
  timed_out,
  failed: {},
  offline: {},
});

const PATIENCE_MS = 20_000;
const SEARCH = ["query", "SearchKnowledgebase", "--params", '{"q":"router"}'];

/** A question of a terminal whose answers come when they are let. */
function asking({ columns = 80, rows = 24, argv = SEARCH } = {}) {
  const surroundings = fakeSurroundings();
  const screen = new FakeScreen(columns, rows);
  const resized = new Set<() => void>();
  surroundings.agent.running = false;
  const replies: (QueryReply | Error)[] = [];
  let wake = (): void => {};
  const attach = surroundings.attach;
  const exit = runCli(argv, {
    ...surroundings,
    stdout: screen,
    stderr: screen,
    onResize(listener) {
      resized.add(listener);
      return () => resized.delete(listener);
    },
    attach: async (home) => ({
      ...(await attach(home)),
      async *query(_, left) {
        left.addEventListener("abort", () => come(new Error("cut")));
        for (;;) {
          const reply = replies.shift();
          if (reply instanceof Error) throw reply;
          if (reply !== undefined) yield reply;
          else await new Promise<void>((resolve) => (wake = resolve));
        }
      },
    }),
  });
  const come = (...some: (QueryReply | Error)[]): void => {
    replies.push(...some);
    wake();
  };
  /** Once the screen shows it; a spinner is painted again and again meanwhile. */
  const shows = async (text: string): Promise<string> => {
    // The command is loaded first, which takes what it takes.
    const end = performance.now() + PATIENCE_MS;
    while (!plain(screen).includes(text) && performance.now() < end) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    return plain(screen);
  };
  const resize = (to: number): void => {
    screen.resize(to);
    for (const listener of resized) listener();
  };
  return { screen, exit, come, shows, resize, interrupt: () => surroundings.interrupt(), resized };
}

/** Without the spinner and the seconds. */
function plain(screen: FakeScreen): string {
  return screen.text.replaceAll(/[⠀-⣿] /g, "* ").replaceAll(/ \(\d+ s\)/g, "");
}

describe("on a terminal", () => {
  test("the list grows in its place, by rank, and at the end all of it stays with who is missing", async () => {
    const { screen, exit, come, shows, resized } = asking();
    expect(await shows("asking the fleet")).toBe("* asking the fleet");
    come(expected("gpu", "pi", "nas"), part("pi", [found("pear", 0.5)]));
    expect(await shows("pear")).toBe(
      "pear  pi: pear.md\n  about pear\n* 1 of 3 answered, waiting for gpu, nas",
    );
    come(part("gpu", [found("plum", 1), found("fig", 0.1)]));
    expect((await shows("plum")).split("\n")).toEqual([
      "plum  gpu: plum.md",
      "  about plum",
      "pear  pi: pear.md",
      "  about pear",
      "fig  gpu: fig.md",
      "  about fig",
      "* 2 of 3 answered, waiting for nas",
    ]);
    come(done(["gpu", "pi"], ["nas"]));
    expect(await exit).toBe(0);
    expect(screen.text.split("\n").slice(5)).toEqual([
      "  about fig",
      "answered: gpu, pi",
      "muster: warning: nas did not answer in time",
    ]);
    expect(resized.size).toBe(0);
  });

  test("of a long list the screen holds the best while it comes, and everything at the end", async () => {
    const { screen, exit, come, shows } = asking({ rows: 8 });
    const many = Array.from({ length: 30 }, (_, at) => found(`text-${at}`, 1 - at / 100));
    come(expected("gpu", "pi"), part("gpu", many));
    const text = await shows("text-0");
    expect(text.split("\n")).toHaveLength(7);
    expect(text).toContain("… and 55 more lines\n* 1 of 2 answered");
    expect(screen.scrolled).toBe(0);
    come(done(["gpu"]));
    await exit;
    expect(screen.text.match(/about text/g)).toHaveLength(30);
    expect(screen.text).not.toContain("waiting for");
  });

  test.each([40, 20, 10, 3])("%i columns are enough for it not to break", async (columns) => {
    const { screen, exit, come, shows, resize } = asking();
    come(expected("gpu", "pi"), part("gpu", [found("地下室のルーターの設定を変更する方法", 1)]));
    await shows("地下");
    resize(columns);
    await shows("…");
    come(part("pi", [found("pear", 0.5)]), done(["gpu", "pi"]));
    expect(await exit).toBe(0);
    expect(screen.text.replaceAll("\n", "").match(/地下室/g)?.length).toBeGreaterThan(0);
    expect(screen.text).not.toContain("waiting");
  });

  test("Ctrl-C leaves what came, and says that it is not all", async () => {
    const { screen, exit, come, shows, interrupt } = asking();
    come(expected("gpu", "pi"), part("gpu", [found("plum", 1)]));
    await shows("plum");
    interrupt();
    expect(await exit).toBe(130);
    expect(screen.text).toBe("plum  gpu: plum.md\n  about plum\nstopped with 1 of 2 answered");
  });

  test("what goes wrong in the middle is told below what came", async () => {
    const { screen, exit, come, shows } = asking();
    come(expected("gpu", "pi"), part("gpu", [found("plum", 1)]));
    await shows("plum");
    const error = { code: "unavailable" as const, message: "the hub ended the answer early" };
    come({ type: "aggregate_query_refused", query_id, error });
    expect(await exit).toBe(1);
    expect(screen.text.split("\n").slice(2)).toEqual([
      "stopped with 1 of 2 answered",
      "muster: error: the hub ended the answer early",
    ]);
  });

  test("nothing that a device says moves the cursor", async () => {
    const { screen, exit, come } = asking();
    const evil = found("\u001b[2J\u001b[9Aplum\r\n\u0007", 1);
    come(expected("gpu"), part("gpu", [evil]), done(["gpu"]));
    expect(await exit).toBe(0);
    expect(screen.text).toContain("plum");
  });
});

test("where no device can answer, it is said how one could", async () => {
  const { screen, exit, come } = asking();
  come(expected(), done([]));
  expect(await exit).toBe(0);
  expect(screen.text).toStartWith("No device has a knowledgebase");
});

describe("what a plugin answers", () => {
  const custom = (from_device: string, data: unknown): QueryReply => ({
    type: "aggregate_query_part",
    query_id,
    from_device,
    data: JSON.stringify(data),
    is_final: true,
  });
  const shown = async (...items: object[]): Promise<string> => {
    const { screen, exit, come } = asking({ argv: ["query", "disk.report"] });
    come(expected("gpu"), custom("gpu", items), done(["gpu"]));
    await exit;
    return screen.text;
  };

  test("is a table where it is one", async () => {
    expect(await shown({ mount: "/", used: 40 }, { mount: "/srv\u001b[2J", used: null })).toBe(
      "DEVICE  MOUNT  USED\ngpu     /      40\ngpu     /srv\nanswered: gpu",
    );
  });

  test("stands below its device where the table is too wide", async () => {
    const item = { used: 40, note: null, mount: "/a".repeat(20), device_file: "/b".repeat(20) };
    expect(await shown(item)).toBe(
      `gpu\n  used: 40, mount: ${item.mount}, device_file:\n  ${item.device_file}\nanswered: gpu`,
    );
  });

  test("is JSON where it is none, or too wide for the screen", async () => {
    expect(await shown({ mount: "/", used: { bytes: 1 } })).toStartWith('{"mount":"/","used":{"bytes":1}');
    expect(await shown({ mount: "/" }, { used: 1 })).toStartWith('{"mount":"/","device":"gpu"}');
    expect(await shown({ mount: "/".repeat(90) })).toStartWith('{"mount":"////');
  });
});
