// A service opened in a real browser, with the real program: from the hub's page without another word, and by its
// address after a click.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Browser, Page } from "playwright-core";
import { app } from "../e2e/app.ts";
import { Home, portOf, type StartFacts } from "../e2e/harness.ts";
import { hasChromium, launchChromium } from "./chromium.ts";

describe.skipIf(!hasChromium())("a service in a browser", () => {
  const home = new Home();
  let facts: StartFacts;
  let browser: Browser;
  const complaints: string[] = [];
  const at = (service: string): string =>
    `http://${service}--${facts.device_name}.localhost:${portOf(facts.hub_url)}/`;

  beforeAll(async () => {
    const [{ port }, launched] = await Promise.all([app(home), launchChromium()]);
    browser = launched;
    facts = await home.start("--service", `web:${port}`, "--service", `other:${port}`);
  }, 60_000);
  afterAll(async () => {
    await browser.close();
    await home[Symbol.asyncDispose]();
  });

  function watched(page: Page): Page {
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      if (/Content Security Policy|Trusted/.test(message.text())) complaints.push(message.text());
    });
    return page;
  }

  test("opens from the page by itself, and by its address after a click; and no script is stopped on the way", async () => {
    const context = await browser.newContext();
    const page = watched(await context.newPage());
    await page.goto(`${at("web")}part`);
    await page.getByRole("heading", { name: "Sign in first" }).waitFor();
    await page.goto(facts.login_url ?? "");
    await page.getByRole("button", { name: "Sign in" }).click();
    const link = page.getByRole("link", { name: "web--" });
    await link.waitFor();
    const [tab] = await Promise.all([context.waitForEvent("page"), link.click()]);
    watched(tab);
    await tab.waitForURL(at("web"));
    expect(await tab.textContent("body")).toContain('"method":"GET"');
    // Its pass holds for all of its paths, and for no other service.
    await tab.goto(`${at("web")}part`);
    expect(await tab.textContent("body")).toBe("0123456789");
    await tab.goto(`${at("other")}part?x=1`);
    await tab.getByRole("button", { name: "Open other--" }).click();
    await tab.waitForURL(`${at("other")}part?x=1`);
    expect(await tab.textContent("body")).toBe("0123456789");
    expect(complaints).toEqual([]);
    await context.close();
  }, 60_000);
});
