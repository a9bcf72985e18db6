// A teammate who has nothing but a browser, with the real program: a link, a click, and a device to command; another
// browser by the words; and nothing of it once the owner has ended it.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { app } from "../e2e/app.ts";
import { agent, agentIn, Home, hubIn, portOf } from "../e2e/harness.ts";
import { until } from "../e2e/until.ts";
import { hasChromium, launchChromium } from "./chromium.ts";
import { openShareLink, takeAsNewcomer, typeWords, withPasskeys } from "./claim-steps.ts";
import { openLine, overflowWidth, shownLines, signIn, waitUntilLive } from "./steps.ts";

const TIMEOUT_MS = 120_000;
const PASSWORD = "correct horse battery";

describe.skipIf(!hasChromium())("a device that is shared by a link", () => {
  const owner = new Home();
  const server = new Home();
  const laptop = new Home();
  let browser: Browser;
  let hubUrl: string;
  let loginUrl: string;
  let complaints: string[] = [];

  beforeAll(async () => {
    const [{ port }, launched, hub] = await Promise.all([app(server), launchChromium(), hubIn(owner)]);
    browser = launched;
    hubUrl = hub.hub_url;
    loginUrl = hub.login_url ?? "";
    server.configure(`[services.web]\nport = ${port}\n`);
    await agentIn(server, { owner, hubUrl, name: "server" });
  }, TIMEOUT_MS);

  afterAll(async () => {
    await browser.close();
    await laptop[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    await owner[Symbol.asyncDispose]();
    expect(complaints).toEqual([]);
  }, TIMEOUT_MS);

  async function someone(viewport = { width: 1280, height: 800 }): Promise<[BrowserContext, Page]> {
    const context = await browser.newContext({ viewport });
    context.setDefaultTimeout(30_000);
    context.on("page", (page) => {
      page.on("pageerror", (error) => complaints.push(error.message));
      page.on("console", (message) => {
        if (/Content Security Policy|Trusted/.test(message.text())) complaints.push(message.text());
      });
    });
    return [context, await context.newPage()];
  }

  async function shareLink(...flags: "--browser"[]): Promise<string> {
    const { link } = await owner.ok(["device", "token", "--share", "server", ...flags]);
    return link;
  }

  /** The page shows what to run on a machine, and what to ask for, and takes nothing. */
  async function expectNoWayByBrowser(page: Page, link: string): Promise<void> {
    await openShareLink(page, link, "server");
    await page.getByText("This link is for a person with Muster on a machine").waitFor();
    await page.getByText("muster device token --share server --browser").waitFor();
    expect(await page.getByText(`muster device claim '${link}'`).count()).toBe(1);
    expect(await page.getByRole("button", { name: "Take server" }).count()).toBe(0);
    expect(await page.getByLabel("Your name here").count()).toBe(0);
  }

  test(
    "is taken by one click with a passkey, commanded, and lost in the moment its owner ends it",
    async () => {
      const link = await shareLink("--browser");
      const [context, page] = await someone();
      await withPasskeys(page);
      await openShareLink(page, link, "server");
      // What others could see of the address is without the token.
      expect(page.url()).toBe(`http://muster.localhost:${portOf(hubUrl)}/claim`);
      const words = await takeAsNewcomer(page, "server", { name: "anna" });
      expect(words).toHaveLength(24);
      await page.getByRole("button", { name: "I have written them down" }).click();
      await waitUntilLive(page);
      expect(await shownLines(page)).toEqual(["server"]);
      const owners = await owner.ok(["device", "owners"]);
      expect(owners.co_owners).toMatchObject([{ device: "server", name: "anna", holds: true }]);

      // Its service, by the key of this browser.
      const service = page.getByRole("link", { name: "web--server" });
      const [tab] = await Promise.all([context.waitForEvent("page"), service.click()]);
      await tab.waitForURL(`http://web--server.localhost:${portOf(hubUrl)}/`);
      expect(await tab.textContent("body")).toContain('"method":"GET"');

      // And a terminal of it, sealed from the hub.
      await openLine(page, "server");
      await page.getByRole("link", { name: "Tasks and terminal" }).click();
      await page.getByRole("button", { name: "Open a terminal" }).click();
      await page.getByLabel("Terminal of server").focus();
      await page.keyboard.type("echo mark$((20+3))\n");
      await page.getByText("mark23").first().waitFor();

      await owner.ok(["device", "unshare", "server", "anna"]);
      await page.getByRole("heading", { name: "There is no device server" }).waitFor();
      await page.getByRole("link", { name: "Fleet" }).click();
      await page.getByRole("heading", { name: "Nothing is shared with you now" }).waitFor();
      await tab.reload();
      expect(await tab.textContent("body")).not.toContain('"method":"GET"');

      await page.goto(link);
      await page.getByRole("heading", { name: "This device is shared no more" }).waitFor();
      await context.close();
    },
    TIMEOUT_MS,
  );

  test(
    "is commanded from another browser by name, password and words, let go by a click, and at last kept by a machine",
    async () => {
      const [first, page] = await someone({ width: 360, height: 740 });
      // One that was made without a word of browsers takes none.
      await expectNoWayByBrowser(page, await shareLink());
      expect(await overflowWidth(page)).toBe(0);
      const link = await shareLink("--browser");
      await openShareLink(page, link, "server");
      expect(await overflowWidth(page)).toBe(0);
      // Without a name nothing is sent.
      await page.getByRole("button", { name: "Take server" }).click();
      await page.getByText("The name must have 3 to 32 characters.").waitFor();
      const words = await takeAsNewcomer(page, "server", { name: "ben", password: PASSWORD });
      expect(await overflowWidth(page)).toBe(0);
      await first.close();

      const [second, other] = await someone();
      await other.goto(new URL(loginUrl).origin);
      await other.getByLabel("Name").fill("ben");
      await other.getByLabel("Password").fill(PASSWORD);
      await other.getByRole("button", { name: "Sign in", exact: true }).click();
      await waitUntilLive(other);
      await other.getByRole("button", { name: "Type your 24 words" }).click();
      await typeWords(other, [...words.slice(1), "abandon"]);
      await other.getByText("These are not the 24 words").waitFor();
      await typeWords(other, words);
      await other.getByRole("dialog").waitFor({ state: "detached" });
      await openLine(other, "server");
      await other.getByRole("button", { name: "Let it go…" }).click();
      await other.getByRole("button", { name: "Let server go" }).click();
      await other.getByRole("heading", { name: "Nothing is shared with you now" }).waitFor();
      await until("the owner to see it", async () => {
        const { co_owners: named } = await owner.ok(["device", "owners"]);
        return named.some((one: { name: string; holds: boolean }) => one.name === "ben" && !one.holds);
      });

      // It is taken again by the link of before, and another link by a confirmation alone.
      await openShareLink(other, link, "server");
      await other.getByRole("button", { name: "Take server" }).click();
      await other.getByRole("button", { name: "Show server" }).click();
      await waitUntilLive(other);
      await other.goto(link);
      await other.getByRole("heading", { name: "You have it already" }).waitFor();
      await owner.ok(["device", "unshare", "server", "ben"]);
      await expectNoWayByBrowser(other, await shareLink());
      await other.getByText("You are signed in as ben, who began in a browser").waitFor();
      await openShareLink(other, await shareLink("--browser"), "server");
      await other.getByRole("button", { name: "Take server" }).click();
      await other.getByRole("button", { name: "Show server" }).click();
      await waitUntilLive(other);
      expect(await shownLines(other)).toEqual(["server"]);

      // A first machine takes the place of the words.
      await other.getByRole("button", { name: "Add device" }).click();
      await typeWords(other, words, "Make a token");
      const line = await other.getByRole("dialog").locator("code").textContent();
      const [token = ""] = /mst1_\S+/.exec(line ?? "") ?? [];
      await other.getByRole("button", { name: "Done" }).click();
      await laptop.ok(["init", hubUrl, "--token", token, "--yes", "--no-service", "--name", "laptop"]);
      await agent(laptop);
      await openLine(other, "laptop");
      await other.getByRole("button", { name: "Let it keep your devices…" }).click();
      await typeWords(other, words, "Let laptop keep them");
      await other.getByRole("dialog").waitFor({ state: "detached" });
      await until("the machine to keep them", async () => {
        const { items } = await laptop.ok(["device", "owners"]);
        return items.some(
          (one: { self: boolean; scopes: string[] }) => one.self && one.scopes.includes("admin"),
        );
      });
      const ran = await laptop.run(["run", "--json", "--device", "server", "--", "echo", "done"]);
      expect(ran.json).toMatchObject({ device: "server", logs: "done\n" });
      await openLine(other, "server");
      await other.getByText("muster device unshare server").waitFor();
      await second.close();

      // By which the next browser is let in.
      const [third, last] = await someone();
      await last.goto(new URL(loginUrl).origin);
      await last.getByLabel("Name").fill("ben");
      await last.getByLabel("Password").fill(PASSWORD);
      await last.getByRole("button", { name: "Sign in", exact: true }).click();
      await waitUntilLive(last);
      const shown = await last.getByText("muster device promote mbr1_").textContent();
      await laptop.ok([...(shown ?? "").split(" ").slice(1), "--yes"]);
      await last.getByText("muster device promote mbr1_").waitFor({ state: "detached" });
      await third.close();
    },
    TIMEOUT_MS,
  );

  test(
    "is told of to its owner with the command that ends it, and its own link to them is none to use",
    async () => {
      const [context, page] = await someone();
      await signIn(page, loginUrl);
      await openLine(page, "server");
      await page.getByRole("button", { name: "Remove…" }).click();
      await page.getByText("muster device unshare server ben").waitFor();
      await page.goto(await shareLink());
      await page.getByRole("heading", { name: "server is your own" }).waitFor();
      await page.goto(`${new URL(loginUrl).origin}/claim#mss1_cut`);
      await page.getByRole("heading", { name: "This link is not complete" }).waitFor();
      await context.close();
    },
    TIMEOUT_MS,
  );
});
