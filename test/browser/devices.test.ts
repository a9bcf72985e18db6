// How a machine is let in from the page, in a real browser: the page that a device names, and the dialog that
// prepares a place. On a wide window and on a phone.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { Browser, BrowserContext, Page } from "playwright-core";
import type { Assets } from "../../src/protocol/assets.ts";
import { loadAssets } from "../../src/world/page-assets.ts";
import { hasChromium, launchChromium } from "./chromium.ts";
import { GONE_CODE, LONG_CODE, mockDevices, WAITING_CODE, type MockDevices } from "./mock-devices.ts";
import { startMockHub, type MockHub } from "./mock-hub.ts";
import { openAddDevice, openApproval, overflowWidth, prepareDevice, showAsking } from "./steps.ts";

const TIMEOUT_MS = 30_000;
const PHONE = { width: 360, height: 740 };

describe.skipIf(!hasChromium())("letting a machine in", () => {
  let assets: Assets;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let hub: MockHub;

  beforeAll(async () => {
    assets = await loadAssets();
    browser = await launchChromium();
  }, TIMEOUT_MS);
  afterAll(() => browser.close());

  beforeEach(async () => {
    context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    page = await context.newPage();
  });
  afterEach(async () => {
    await context.close();
    await hub.stop();
  });

  async function begin(facts: Partial<MockDevices> = {}): Promise<MockDevices> {
    const devices = mockDevices(facts);
    hub = await startMockHub({ assets, fleet: "full", devices });
    return devices;
  }

  const button = (name: string) => page.getByRole("button", { name, exact: true });

  test(
    "a code in the link is only filled in; who asks is shown by a click, and let in by another",
    async () => {
      const { decided } = await begin();
      await openApproval(page, hub, WAITING_CODE);
      expect(await page.getByLabel("Code").inputValue()).toBe(WAITING_CODE);
      expect(await page.getByText("Asks from").count()).toBe(0);
      await button("Show who asks").click();
      await page.getByText("192.0.2.17").waitFor();
      expect(await page.getByRole("listitem").allTextContents()).toEqual([
        "amber",
        "bicycle",
        "candle",
        "drift",
        "ember",
      ]);
      expect(decided).toEqual([]);
      await page.getByRole("checkbox", { name: /same words/ }).check();
      await button("Approve").click();
      await page.getByRole("heading", { name: "pi is let in" }).waitFor();
      expect(decided).toEqual([{ name: "pi", decision: "approve", wordsCompared: true }]);
      expect(await page.getByText("muster device approve").count()).toBe(0);
    },
    TIMEOUT_MS,
  );

  test(
    "whoever has not compared the words is told where to do it",
    async () => {
      const { decided } = await begin();
      await showAsking(page, hub, WAITING_CODE);
      await button("Approve").click();
      await page.getByText("muster device approve pi").waitFor();
      expect(decided).toEqual([{ name: "pi", decision: "approve", wordsCompared: false }]);
    },
    TIMEOUT_MS,
  );

  test(
    "at a hub elsewhere nobody says in the page that the words are the same",
    async () => {
      await begin({ canConfirm: false });
      await showAsking(page, hub, LONG_CODE);
      expect(await page.getByRole("checkbox").count()).toBe(0);
      await button("Another code").click();
      await page.getByLabel("Code").waitFor();
    },
    TIMEOUT_MS,
  );

  test(
    "a device is turned away, and an unknown code or one that has ended says what to do",
    async () => {
      const { decided } = await begin();
      await showAsking(page, hub, GONE_CODE);
      await button("Deny").click();
      expect(await page.getByRole("alert").textContent()).toContain("Nothing was decided");
      await button("Another code").click();
      await page.getByLabel("Code").fill("zzzz zzzz");
      await button("Show who asks").click();
      expect(await page.getByRole("alert").textContent()).toContain("Read it again at the device");
      await page.getByLabel("Code").fill(WAITING_CODE.toLowerCase());
      await button("Show who asks").click();
      await button("Deny").click();
      await page.getByRole("heading", { name: "pi was turned away" }).waitFor();
      expect(decided).toEqual([{ name: "pi", decision: "deny", wordsCompared: false }]);
    },
    TIMEOUT_MS,
  );

  test(
    "a place is prepared once, for a machine that there is a build for",
    async () => {
      await begin();
      await openAddDevice(page, hub);
      expect(await page.getByLabel("What it is").textContent()).not.toContain("armv7");
      await page.getByRole("dialog").getByLabel("Name").fill("My Pi");
      await button("Prepare a place").click();
      expect(await page.getByRole("alert").textContent()).toContain("No place was prepared");
      await page.getByRole("dialog").getByLabel("Name").fill("attic");
      await button("Prepare a place").click();
      await page
        .getByText(/^curl -fsSL https:\/\/muster\.example\.com\/install\.sh \| sh -s -- mrc1_/)
        .waitFor();
      expect(await page.getByText("No other machine reaches").count()).toBe(0);
      await button("Done").click();
      await page.getByRole("dialog").waitFor({ state: "detached" });
    },
    TIMEOUT_MS,
  );

  test(
    "a line that leads to this machine alone says so",
    async () => {
      await begin({ hubUrl: "http://localhost:8080" });
      await prepareDevice(page, hub);
      await page.getByText("No other machine reaches http://localhost:8080").first().waitFor();
    },
    TIMEOUT_MS,
  );

  test(
    "on a phone all of it stands within the screen, with the longest name and address",
    async () => {
      await begin({ hubUrl: "http://localhost:8080" });
      await page.setViewportSize(PHONE);
      await prepareDevice(page, hub);
      expect(await overflowWidth(page)).toBe(0);
      expect(await widerThan(page.getByRole("dialog"))).toBe(0);
      await button("Done").click();
      await page.goto(`${hub.url}/device#${LONG_CODE}`);
      await button("Show who asks").click();
      await page.getByText("Asks from").waitFor();
      expect(await overflowWidth(page)).toBe(0);
      await button("Approve").click();
      await page.getByText("muster device approve workstation-of-the-back-office").waitFor();
      expect(await overflowWidth(page)).toBe(0);
    },
    TIMEOUT_MS,
  );
});

/** How far its content is wider than itself, in pixels. */
function widerThan(element: ReturnType<Page["getByRole"]>): Promise<number> {
  return element.evaluate((node) => node.scrollWidth - node.clientWidth);
}
