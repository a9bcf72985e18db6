// The question of `muster init`, asked on a real terminal.
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Home, PROGRAM } from "./harness.ts";
import { until } from "./until.ts";

const CTRL_C = "\u0003";

test("Ctrl-C at the question is no answer: nothing is joined", async () => {
  await using home = new Home();
  let shown = "";
  const child = Bun.spawn([PROGRAM, "init", "http://127.0.0.1:9", "--no-service"], {
    env: { ...process.env, HOME: home.folder, MUSTER_HOME: home.path },
    terminal: {
      data(_terminal, bytes) {
        shown += new TextDecoder().decode(bytes);
      },
    },
  });
  try {
    await until("the question", () => shown.includes("or a VPS?"));
    child.terminal?.write(CTRL_C);
    expect(await child.exited).toBe(130);
    expect(shown).not.toContain("Joining");
    expect(existsSync(join(home.path, "hub.json"))).toBe(false);
  } finally {
    child.kill("SIGKILL");
    child.terminal?.close();
  }
}, 20_000);
