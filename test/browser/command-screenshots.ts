// Pictures of what the page does with another device, light, dark and on a phone, to be looked at after each change of
// it: a real hub, and a real device.
//
//   bun test/browser/command-screenshots.ts FOLDER
import { join } from "node:path";
import type { Page } from "playwright-core";
import { agentIn, Home, hubIn } from "../e2e/harness.ts";
import { launchChromium } from "./chromium.ts";
import { openLine, signIn, terminalRows } from "./steps.ts";

const LOOKS = {
  light: { viewport: { width: 1280, height: 860 }, colorScheme: "light" },
  dark: { viewport: { width: 1280, height: 860 }, colorScheme: "dark" },
  phone: { viewport: { width: 360, height: 740 }, colorScheme: "light", hasTouch: true, isMobile: true },
} as const;

const [folder = "/tmp/muster-screenshots"] = process.argv.slice(2);
const browser = await launchChromium();
for (const [look, options] of Object.entries(LOOKS)) {
  await using owner = new Home();
  await using pi = new Home();
  pi.write(
    "notes/backup.md",
    "# Backups\n\nThe heron carries them to the attic, each night at two, and back.\n",
  );
  pi.write("notes/heron.md", "# Birds of the pond\n\nA heron, two ducks.\n");
  pi.configure(`[knowledgebase]\nfolders = ["${pi.folder}/notes"]\n`);
  const { hub_url: hubUrl } = await hubIn(owner);
  const agent = await agentIn(pi, { owner, hubUrl, name: "pi" });
  const { login_url: loginUrl } = await owner.ok(["hub", "login-link"]);
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.on("pageerror", (error) => process.stderr.write(`${look}: ${error.message}\n`));
  const shoot = async (name: string): Promise<void> => {
    await page.screenshot({ path: join(folder, `commands-${name}-${look}.png`) });
  };
  await signIn(page, loginUrl);
  await openLine(page, "pi");
  await shoot("way");
  await page.goto(new URL("/devices/pi", page.url()).href);
  await page.getByText("Nothing has run on pi yet").waitFor();
  await shoot("empty");
  await terminal(page, shoot);
  await tasks(page, shoot);
  await search(page, shoot);
  agent.signal("SIGTERM");
  await agent.exited;
  await page.goto(new URL("/devices/pi", page.url()).href);
  await page.getByText("pi is offline", { exact: false }).first().waitFor();
  await shoot("offline");
  await page.goto(new URL("/devices/nobody", page.url()).href);
  await page.getByText("There is no device nobody").waitFor();
  await shoot("missing");
  await context.close();
}
await browser.close();

type Shoot = (name: string) => Promise<void>;

async function terminal(page: Page, shoot: Shoot): Promise<void> {
  await page.getByRole("button", { name: "Open a terminal" }).click();
  await page.getByLabel("Terminal of pi").waitFor();
  const rows = terminalRows(page);
  const colours =
    "for at in 1 2 3 4 5 6; do printf '\\033[3%dm colour %d\\033[0m \\033[9%dm bright\\033[0m\\n' $at $at $at; done";
  for (const line of [
    "PS1='pi$ '; clear",
    "ls -l --color /",
    colours,
    "echo a漢字b | cat; printf '\\033[7m inverse \\033[0m\\n'",
  ]) {
    await page.keyboard.type(`${line}\n`);
  }
  await rows.filter({ hasText: /^ inverse\s*$/ }).waitFor();
  await page.locator("#terminal").scrollIntoViewIfNeeded();
  await shoot("terminal");
  await page.keyboard.type("vi /etc/passwd || less /etc/passwd\n");
  await rows.filter({ hasText: "root:x:0" }).first().waitFor();
  await shoot("full-screen");
  await page.keyboard.type(":q!\n");
  await rows.filter({ hasText: "colour 6" }).first().waitFor();
  await page.keyboard.type("exit\n");
  await page.getByText("The last one ended").waitFor();
}

async function tasks(page: Page, shoot: Shoot): Promise<void> {
  const box = page.getByLabel("Command to run on pi");
  const log = page.getByLabel(/^Log of/);
  for (const [script, word] of [
    ["uname -sm; echo done", "done"],
    ["tar -C /srv -cf /backup/photos.tar photos --totals --exclude-vcs --one-file-system", "No such file"],
    [
      "for at in $(seq 80); do echo step $at of a long list of steps; done; echo waits >&2; sleep 60",
      "waits",
    ],
  ] as const) {
    await box.fill(script);
    await box.press("Enter");
    await log.getByText(word).first().waitFor();
  }
  await shoot("running");
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByText("cancelled", { exact: true }).waitFor();
  await page.locator("[data-line]").last().click();
  await log.getByText("done").waitFor();
  await box.fill("make -j4 release");
  await shoot("tasks");
}

async function search(page: Page, shoot: Shoot): Promise<void> {
  await page.getByRole("link", { name: "Search" }).click();
  await page.getByLabel("Search texts and tasks").waitFor();
  await shoot("search-empty");
  for (const [name, words, shown] of [
    ["search", "heron", "The heron carries them"],
    ["search-tasks", "steps", "for at in"],
    ["search-nothing", "zebra", "Nothing that answered"],
  ] as const) {
    await page.getByLabel("Search texts and tasks").fill(words);
    await page.keyboard.press("Enter");
    await page.getByText(shown).first().waitFor();
    await shoot(name);
  }
}
