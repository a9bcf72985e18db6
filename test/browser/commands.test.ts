// The page commands another device, with the real programs: tasks with their logs, a search; and no more once its key
// was taken out of the owner log.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { agentIn, Home, hubIn } from "../e2e/harness.ts";
import { until } from "../e2e/until.ts";
import { hasChromium, launchChromium } from "./chromium.ts";
import { openLine, overflowWidth, signIn, terminalRows } from "./steps.ts";

/** Far less than the ten minutes for which a shell is kept, and enough for a busy machine. */
const SOON_MS = 10_000;

/** A title, the clipboard, a link, invisible ink, counts and marks without measure, ten megabytes in one line. */
const HOSTILE = String.raw`printf '\033]0;theirs\007\033]52;c;dGhlaXJz\007\033]10;#ffffff\007\033]11;#ffffff\007\033[22;2t\033[8;2;2t'
printf '\033[2147483647S\033[2147483647L\033[2147483647Ix\033[2147483647b\r\n'
head -c 10000000 /dev/zero | tr '\0' x
yes '́' | head -n 300000 | tr -d '\n'
printf '\033[999b\r\n\033]8;;https://example.com/\007its link\033]8;;\007\r\nend%s\r\n' $((20+3))
`;

describe.skipIf(!hasChromium())("commands from the page", () => {
  const owner = new Home();
  const pi = new Home();
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  const complaints: string[] = [];
  const asked: string[] = [];
  /** All that went between the page and its hub, as far as it is letters. */
  let carried = "";

  beforeAll(async () => {
    pi.write("notes/backup.md", "# Backups\n\nThe heron carries them to the attic.\n");
    pi.write("notes/hostile.sh", HOSTILE);
    pi.configure(`[knowledgebase]\nfolders = ["${pi.folder}/notes"]\n`);
    const [{ hub_url: hubUrl }, launched] = await Promise.all([hubIn(owner), launchChromium()]);
    browser = launched;
    await agentIn(pi, { owner, hubUrl, name: "pi" });
    context = await browser.newContext({
      viewport: { width: 1280, height: 800 },
      permissions: ["clipboard-read", "clipboard-write"],
    });
    page = await context.newPage();
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("dialog", (dialog) => {
      complaints.push(dialog.message());
      void dialog.dismiss();
    });
    page.on("console", (message) => {
      if (/Content Security Policy|Trusted/.test(message.text())) complaints.push(message.text());
    });
    page.on("request", (request) => asked.push(new URL(request.url()).pathname));
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
    const emulator = /^\/assets\/xterm-screen-.*\.js$/;
    expect(asked.filter((path) => emulator.test(path))).toEqual([]);
    await page.getByRole("button", { name: "Open a terminal" }).click();
    const rows = terminalRows(page);
    await page.getByLabel("Terminal of pi").waitFor();
    await page.keyboard.type("stty size; printf '\\033[31mmark%s\\033[0m\\n' $((20+3))\n");
    await rows.filter({ hasText: /^mark23$/ }).waitFor();
    const size = await rows.filter({ hasText: /^\d+ \d+$/ }).innerText();
    const [high, wide] = size.split(" ").map(Number);
    expect(high).toBeGreaterThan(20);
    expect(wide).toBeGreaterThan(100);
    expect(asked.filter((path) => emulator.test(path))).toHaveLength(1);
    await page.reload();
    await rows.filter({ hasText: /^mark23$/ }).waitFor();
    await page.setViewportSize({ width: 360, height: 740 });
    await page.getByLabel("Terminal of pi").focus();
    await page.keyboard.type("stty size\n");
    await rows.filter({ hasText: /^\d+ [34]\d$/ }).waitFor();
    expect(await overflowWidth(page)).toBe(0);
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.keyboard.type("exit 3\n");
    await page.getByText("The last one ended: code 3.").waitFor();
  }, 30_000);

  test("a program reaches nothing beyond its terminal, can't hang it, and is interrupted by a key", async () => {
    await page.evaluate(() => navigator.clipboard.writeText("mine"));
    const title = await page.title();
    await page.getByRole("button", { name: "Open a terminal" }).click();
    const rows = terminalRows(page);
    await page.getByLabel("Terminal of pi").waitFor();
    await page.keyboard.type(`sh ${pi.folder}/notes/hostile.sh\n`);
    await rows.filter({ hasText: /^its link$/ }).click({ force: true });
    await rows.filter({ hasText: /^end23$/ }).waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe("mine");
    expect([await page.title(), context.pages().length]).toEqual([title, 1]);
    await page.keyboard.type("yes\n");
    await rows.filter({ hasText: /^y$/ }).nth(10).waitFor();
    await page.keyboard.press("Control+c");
    await page.keyboard.type("echo free$((20+3))\n");
    await rows.filter({ hasText: /^free23$/ }).waitFor();
    await page.keyboard.press("Shift+Tab");
    expect(
      await page.getByLabel("Terminal of pi").evaluate((field) => field === document.activeElement),
    ).toBe(false);
    await page.getByLabel("Terminal of pi").focus();
    await page.keyboard.press("Control+d");
    await page.getByText("The last one ended: code 0.").waitFor();
    expect(complaints).toEqual([]);
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

  test("a key is made and taken back by the very commands that the page shows", async () => {
    /** As a terminal would run it; none of these needs quotes. */
    const run = (command: string): Promise<unknown> => owner.ok(command.split(" ").slice(1));
    const shown = async (begin: string): Promise<string> => {
      const command = page.locator(".command code").filter({ hasText: begin }).last();
      return (await command.innerText()).replaceAll(/\s+/g, " ");
    };
    await page.goto(new URL("/grants", page.url()).href);
    await page.getByRole("heading", { name: "Nobody else uses them" }).waitFor();
    expect(await page.locator(".owner-id .mono").innerText()).toBe(
      (await owner.ok(["device", "owners"])).log,
    );
    await page.getByRole("button", { name: "New key or grant" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("textbox", { name: "Name" }).fill("editor");
    await dialog.getByRole("checkbox", { name: /^Lists/ }).check();
    await run(await shown("muster key create editor"));
    await dialog.getByText("It is in the owner log now.").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("list", { name: "Keys and grants" }).getByText("models, read").waitFor();
    await openLine(page, "editor");
    await run(await shown("muster revoke editor"));
    await page.getByRole("heading", { name: "Nobody else uses them" }).waitFor();
    await page.goBack();
    expect(complaints).toEqual([]);
  }, 30_000);

  test("a key that is taken out of the owner log loses its terminal at once", async () => {
    await page.getByRole("button", { name: "Open a terminal" }).click();
    await page.getByLabel("Terminal of pi").waitFor();
    await page.keyboard.type("echo pid=$$\n");
    const said = await terminalRows(page)
      .filter({ hasText: /^pid=\d+/ })
      .innerText();
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
