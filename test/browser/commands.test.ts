// The page commands another device, with the real programs: tasks with their logs, a search; and no more once its key
// was taken out of the owner log.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { agentIn, Home, hubIn } from "../e2e/harness.ts";
import { until } from "../e2e/until.ts";
import { hasChromium, launchChromium } from "./chromium.ts";
import { openLine, overflowWidth, signIn } from "./steps.ts";

/** Far less than the ten minutes for which a shell is kept, and enough for a busy machine. */
const SOON_MS = 10_000;

describe.skipIf(!hasChromium())("commands from the page", () => {
  const owner = new Home();
  const pi = new Home();
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  const complaints: string[] = [];
  /** All that went between the page and its hub, as far as it is letters. */
  let carried = "";

  beforeAll(async () => {
    pi.write("notes/backup.md", "# Backups\n\nThe heron carries them to the attic.\n");
    pi.configure(`[knowledgebase]\nfolders = ["${pi.folder}/notes"]\n`);
    const [{ hub_url: hubUrl }, launched] = await Promise.all([hubIn(owner), launchChromium()]);
    browser = launched;
    await agentIn(pi, { owner, hubUrl, name: "pi" });
    context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    page = await context.newPage();
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      if (/Content Security Policy|Trusted/.test(message.text())) complaints.push(message.text());
    });
    page.on("websocket", (socket) => {
      const heard = ({ payload }: { payload: string | Buffer }): void => {
        carried += payload.toString("latin1");
      };
      socket.on("framesent", heard).on("framereceived", heard);
    });
    const { login_url: loginUrl } = await owner.ok(["hub", "login-link"]);
    await signIn(page, loginUrl);
  }, 60_000);
  afterAll(async () => {
    await browser.close();
    await pi[Symbol.asyncDispose]();
    await owner[Symbol.asyncDispose]();
  });

  test("a task is run on another device, read as it writes, and cancelled", async () => {
    await openLine(page, "pi");
    await page.getByRole("link", { name: "Tasks and terminal" }).click();
    await page.getByRole("heading", { name: "pi", level: 1 }).waitFor();
    await page.getByText("Nothing has run on pi yet").waitFor();
    const box = page.getByLabel("Command to run on pi");
    await box.fill("echo mark$((20+3)); echo wrong >&2; exit 3");
    await box.press("Enter");
    const log = page.getByLabel(/^Log of/);
    await log.getByText("mark23").waitFor();
    await page.getByText("failed", { exact: true }).waitFor();
    expect(await log.innerText()).toBe("mark23\nwrong\n");

    await box.fill("echo begun; sleep 60");
    await box.press("Enter");
    await log.getByText("begun").waitFor();
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByText("cancelled", { exact: true }).waitFor();
    const { items } = await owner.ok(["task", "ls", "--device", "pi"]);
    expect(items.map(({ status }: { status: string }) => status)).toEqual(["cancelled", "failed"]);
    await page.setViewportSize({ width: 360, height: 740 });
    expect(await overflowWidth(page)).toBe(0);
    await page.setViewportSize({ width: 1280, height: 800 });
  }, 30_000);

  test("a terminal shows what its shell says, and is there again after the page was loaded anew", async () => {
    await page.getByRole("button", { name: "Open a terminal" }).click();
    const terminal = page.locator(".terminal-rows");
    await page.keyboard.type("stty size; printf '\\033[31mmark%s\\033[0m\\n' $((20+3))\n");
    await terminal.getByText("mark23", { exact: true }).waitFor();
    const [, rows, cols] = /^(\d+) (\d+)$/m.exec(await terminal.innerText()) ?? [];
    expect(Number(rows)).toBeGreaterThan(20);
    expect(Number(cols)).toBeGreaterThan(100);
    await page.reload();
    await terminal.getByText("mark23", { exact: true }).waitFor();
    await page.setViewportSize({ width: 360, height: 740 });
    await page.getByLabel("Terminal of pi").focus();
    await page.keyboard.type("stty size\n");
    await terminal.getByText(/^\d+ [34]\d$/).waitFor();
    expect(await overflowWidth(page)).toBe(0);
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.keyboard.type("exit 3\n");
    await page.getByText("The last one ended: code 3.").waitFor();
  }, 30_000);

  test("the hub has carried bytes, and none of the words", () => {
    expect(carried).toContain("fleet_watch");
    const words = ["mark", "echo", "begun", "wrong", "stty", "task.list"];
    expect(words.filter((word) => carried.includes(word))).toEqual([]);
  });

  test("a search finds a device's texts and tasks", async () => {
    await page.getByRole("link", { name: "Search" }).click();
    await page.getByLabel("Search texts and tasks").fill("heron");
    await page.getByRole("button", { name: "Search" }).click();
    await page.getByText("The heron carries them").waitFor();
    await page.getByLabel("Search texts and tasks").fill("mark");
    await page.keyboard.press("Enter");
    await page.getByRole("region", { name: "Tasks" }).getByRole("link", { name: "echo mark" }).click();
    await page
      .getByLabel(/^Log of echo mark/)
      .getByText("mark23")
      .waitFor();
  }, 30_000);

  test("a key that is taken out of the owner log loses its terminal at once", async () => {
    await page.getByRole("button", { name: "Open a terminal" }).click();
    await page.keyboard.type("echo pid=$$\n");
    const said = await page.locator(".terminal-row", { hasText: /^pid=\d+/ }).innerText();
    const pid = Number(/\d+/.exec(said)?.[0]);
    const { items } = await owner.ok(["device", "ls"]);
    const { name } = items.find(({ kind }: { kind: string }) => kind === "browser");
    const gone = page.getByText("No connection to the hub").waitFor();
    await owner.ok(["device", "remove", name, "--yes"]);
    const began = performance.now();
    await gone;
    await until("the end of its shell", () => !isRunning(pid), SOON_MS);
    expect(performance.now() - began).toBeLessThan(SOON_MS);
    expect(complaints).toEqual([]);
  }, 30_000);
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
