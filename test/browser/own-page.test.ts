// The page of a device's own agent in a real browser, with the real program and a hub in another home: opened by the
// file that leads there, it shows the fleet, shares something of this device, and knows nobody without a link.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Browser } from "playwright-core";
import { hubWithDevice, type HubWithDevice } from "../e2e/harness.ts";
import { hasChromium, launchChromium } from "./chromium.ts";
import { addShare, shownLines, waitUntilLive } from "./steps.ts";

describe.skipIf(!hasChromium())("a device's own page", () => {
  let fleet: HubWithDevice;
  let browser: Browser;
  beforeAll(async () => {
    [fleet, browser] = await Promise.all([hubWithDevice("pi"), launchChromium()]);
  }, 60_000);
  afterAll(async () => {
    await browser.close();
    await fleet.device[Symbol.asyncDispose]();
    await fleet.owner[Symbol.asyncDispose]();
  });

  test("it is opened by its link, shows the fleet and shares a folder of this device", async () => {
    const { device } = fleet;
    const { url, file } = await device.ok(["open"]);
    const context = await browser.newContext();
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      if (/Content Security Policy|Trusted/.test(message.text())) complaints.push(message.text());
    });
    await page.goto(`file://${file}`);
    await page.getByRole("heading", { name: "Open this device's own page" }).waitFor();
    expect(page.url()).toBe(`${new URL(url).origin}/`);
    await page.getByRole("button", { name: "Sign in" }).click();
    await waitUntilLive(page);
    expect(await shownLines(page)).toContain("pi");
    // It has no account, so there is nothing to come back with.
    expect(await page.getByText("You signed in by a link").count()).toBe(0);
    const site = device.write("site/index.html", "<h1>here</h1>").replace("/index.html", "");
    await addShare(page, { target: site, access: "Public" });
    expect((await device.ok(["ls"])).shares).toMatchObject([{ name: "site", access: "public" }]);
    expect(await context.cookies()).toEqual([]);
    expect(complaints).toEqual([]);
    await page.reload();
    await waitUntilLive(page);
    await context.close();

    const stranger = await browser.newContext();
    const other = await stranger.newPage();
    await other.goto(url);
    await other.getByRole("button", { name: "Sign in" }).click();
    await other.getByRole("heading", { name: "This link works no more" }).waitFor();
    await stranger.close();
  }, 60_000);
});
