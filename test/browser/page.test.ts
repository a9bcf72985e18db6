// The page in a real browser, against a stand-in that speaks the real protocol with real keys.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { Browser, BrowserContext, Page } from "playwright-core";
import type { Assets } from "../../src/protocol/assets.ts";
import { loadAssets } from "../../src/world/page-assets.ts";
import { startMockHub, type MockHub, type MockOptions } from "./mock-hub.ts";
import { hasChromium, launchChromium } from "./chromium.ts";
import {
  addShare,
  openLine,
  openLoginLink,
  overflowWidth,
  removeShare,
  shownLines,
  signIn,
  waitUntilLive,
} from "./steps.ts";

const TIMEOUT_MS = 30_000;

describe.skipIf(!hasChromium())("the page", () => {
  let assets: Assets;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let hub: MockHub;
  let complaints: string[];

  beforeAll(async () => {
    assets = await loadAssets();
    browser = await launchChromium();
  }, TIMEOUT_MS);

  afterAll(() => browser.close());

  beforeEach(async () => {
    context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    page = await context.newPage();
    complaints = [];
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      if (/Content Security Policy|Trusted/.test(message.text())) complaints.push(message.text());
    });
  });

  afterEach(async () => {
    await context.close();
    await hub.stop();
    expect(complaints).toEqual([]);
  });

  async function begin(options: Partial<MockOptions> = {}): Promise<void> {
    hub = await startMockHub({ assets, fleet: "full", ...options });
  }

  test(
    "a login link is taken out of the address bar, spent by the click alone, and only once",
    async () => {
      await begin({ fleet: "empty" });
      const link = hub.loginUrl();
      await openLoginLink(page, link);
      expect(page.url()).toBe(`${hub.url}/`);
      await page.getByRole("button", { name: "Sign in" }).click();
      await waitUntilLive(page);

      const other = await browser.newContext();
      const second = await other.newPage();
      await openLoginLink(second, link);
      await second.getByRole("button", { name: "Sign in" }).click();
      await second.getByRole("heading", { name: "This link works no more" }).waitFor();
      expect(await second.getByText("muster hub login-link").count()).toBe(1);
      await other.close();
    },
    TIMEOUT_MS,
  );

  test(
    "who was sent here from the door of a share is at that door again after signing in",
    async () => {
      await begin({ fleet: "empty" });
      const door = `/access?to=blog.localhost%3A8080&nonce=${"A".repeat(43)}`;
      await page.goto(`${hub.url}/#then=${encodeURIComponent(door.slice("/access".length))}`);
      await page.getByRole("heading", { name: "Sign in" }).waitFor();
      expect(page.url()).toBe(`${hub.url}/`);
      await openLoginLink(page, hub.loginUrl());
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.waitForURL(`${hub.url}${door}`);
    },
    TIMEOUT_MS,
  );

  test(
    "the fleet is shown with what is not well first, and nothing is fetched from elsewhere",
    async () => {
      await begin();
      const hosts = new Set<string>();
      page.on("request", (request) => hosts.add(new URL(request.url()).host));
      await signIn(page, hub.loginUrl());
      expect(await page.getByRole("heading", { level: 1 }).textContent()).toBe("5 things are not well");
      const lines = await shownLines(page);
      expect([lines.length, lines[0], lines[1]]).toEqual([30, "atlas", "docs"]);
      expect([...hosts]).toEqual([new URL(hub.url).host]);
    },
    TIMEOUT_MS,
  );

  test(
    "a change at the hub reaches the page by itself, and is read out",
    async () => {
      await begin();
      await signIn(page, hub.loginUrl());
      hub.change((fleet) => ({
        ...fleet,
        devices: fleet.devices.map((device) =>
          device.name === "studio" ? { ...device, status: "offline" } : device,
        ),
      }));
      await page.getByText("studio is offline.").waitFor({ state: "attached" });
      await page.getByRole("heading", { name: "6 things are not well" }).waitFor();
    },
    TIMEOUT_MS,
  );

  test(
    "a share is added with its password shown once, and removed after a question",
    async () => {
      await begin({ fleet: "empty" });
      await signIn(page, hub.loginUrl());
      const added = await addShare(page, { target: "3000", name: "shop" });
      expect(added.url).toStartWith("http://shop.localhost:");
      expect(added.password).not.toBeNull();
      await page.getByRole("button", { name: "shop", exact: true }).waitFor();
      await removeShare(page, "shop");
      await page.getByRole("heading", { name: "Nothing is shared yet" }).waitFor();
    },
    TIMEOUT_MS,
  );

  test(
    "a refusal says what, why, what next, and which request it was",
    async () => {
      await begin();
      await signIn(page, hub.loginUrl());
      await page.getByRole("button", { name: "Add share" }).click();
      await page.getByLabel("Port or folder").waitFor();
      await page.keyboard.type("/srv/docs"); // the dialog begins in its first field
      await page.getByRole("dialog").getByLabel("Name").fill("docs");
      await page.getByRole("dialog").getByRole("button", { name: "Add share" }).click();
      const alert = page.getByRole("alert");
      await alert.waitFor();
      expect(await alert.innerText()).toMatch(
        /was not added\n+The name "docs" is taken\.\n+Choose another.*\n+Request \d+/,
      );
      await page.getByLabel("Port or folder").fill("no path");
      await page.keyboard.press("Enter");
      await alert.waitFor({ state: "detached" }); // what was refused before is not what is wrong now
    },
    TIMEOUT_MS,
  );

  test(
    "a browser without a controller's key looks, and is told the command that changes it",
    async () => {
      await begin({ admit: "nobody" });
      await signIn(page, hub.loginUrl());
      await page.getByText("muster hub login-link").waitFor();
      expect(await page.getByRole("button", { name: "Add share" }).count()).toBe(0);
      await openLine(page, "docs");
      await page.getByText("muster rm docs").waitFor();
    },
    TIMEOUT_MS,
  );

  test(
    "a lost hub is said with its age, and the page comes back by itself",
    async () => {
      await begin();
      await signIn(page, hub.loginUrl());
      hub.pause();
      await page.getByText("No connection to the hub").waitFor();
      await page.getByRole("heading", { name: /as of \d+ s ago/ }).waitFor();
      expect(await page.getByRole("button", { name: "Add share" }).isDisabled()).toBe(true);
      hub.resume();
      await waitUntilLive(page);
      await page.getByText("No connection to the hub").waitFor({ state: "detached" });
    },
    TIMEOUT_MS,
  );

  test(
    "one tab holds the session, and another takes it over",
    async () => {
      await begin();
      await signIn(page, hub.loginUrl());
      const second = await context.newPage();
      await second.goto(hub.url);
      await second.getByRole("button", { name: "Use this tab" }).click();
      await waitUntilLive(second);
      await page.getByRole("heading", { name: "Open in another tab" }).waitFor();
    },
    TIMEOUT_MS,
  );

  test(
    "after signing out, name and password open the page again with the same key",
    async () => {
      await begin({ fleet: "empty" });
      await signIn(page, hub.loginUrl());
      await page.getByRole("button", { name: "Password or passkey" }).click();
      await page.getByLabel("New password").fill("correct horse battery");
      await page.getByRole("button", { name: "Set password" }).click();
      await page.getByText("The password is set.").waitFor();
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.getByRole("heading", { name: "Sign in" }).waitFor();
      await page.getByLabel("Name").fill("ada");
      await page.getByLabel("Password").fill("wrong");
      await page.getByRole("button", { name: "Sign in", exact: true }).click();
      await page.getByText("You were not signed in").waitFor();
      await page.getByLabel("Password").fill("correct horse battery");
      await page.getByRole("button", { name: "Sign in", exact: true }).click();
      await waitUntilLive(page);
      // The key made at the first sign-in still commands.
      await page.getByRole("button", { name: "Add share" }).waitFor();
    },
    TIMEOUT_MS,
  );

  test(
    "the account has the owner id, and leads to who else uses what is offered",
    async () => {
      await begin({ grants: "some" });
      await signIn(page, hub.loginUrl());
      await page.getByRole("button", { name: "ada" }).click();
      const dialog = page.getByRole("dialog");
      const id = await dialog.locator(".owner-id .mono").innerText();
      expect(id).toMatch(/^[\w-]{43}$/);
      await dialog.getByRole("button", { name: "Keys and grants" }).click();
      await page.getByRole("heading", { name: "Keys and grants" }).waitFor();
      await dialog.waitFor({ state: "detached" });
      expect([await shownLines(page), await page.locator(".owner-id .mono").innerText()]).toEqual([
        ["bens-laptop", "anna", "old-script", "backup of the night", "editor"],
        id,
      ]);
      await page.setViewportSize({ width: 360, height: 740 });
      for (const name of await shownLines(page)) await openLine(page, name);
      await page.getByText("muster revoke anna").waitFor();
      // Of a name that is more than one word no shell is told.
      expect(await page.getByText("muster revoke backup").count()).toBe(0);
      expect(await overflowWidth(page)).toBe(0);
      await page.getByRole("button", { name: "New key or grant" }).click();
      await dialog.getByRole("textbox", { name: "Name" }).fill("editor");
      await dialog.getByText("There is a key “editor” already.").waitFor();
      await dialog.getByRole("textbox", { name: "Name" }).fill("it's mine");
      await dialog
        .getByText(String.raw`muster key create 'it'\''s mine' --scope models --expires 90d`)
        .waitFor();
      expect(await overflowWidth(page)).toBe(0);
    },
    TIMEOUT_MS,
  );

  test(
    "typing filters, keys walk, and a line opens by the keyboard alone",
    async () => {
      await begin();
      await signIn(page, hub.loginUrl());
      await page.keyboard.press("/");
      await page.keyboard.type("photos");
      expect(await shownLines(page)).toEqual(["nas", "photos"]);
      for (const key of ["Enter", "j", "Enter"]) await page.keyboard.press(key);
      const photos = page.getByRole("button", { name: "photos", exact: true });
      expect(await photos.getAttribute("aria-expanded")).toBe("true");
      await page.keyboard.press("q");
      await page
        .getByRole("dialog")
        .getByRole("img", { name: /QR code of http:\/\/photos\./ })
        .waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
      await page.keyboard.press("?");
      await page.getByRole("heading", { name: "Keys" }).waitFor();
    },
    TIMEOUT_MS,
  );

  test(
    "360 pixels are wide enough for everything, open or closed",
    async () => {
      await begin();
      await page.setViewportSize({ width: 360, height: 740 });
      await openLoginLink(page, hub.loginUrl());
      expect(await overflowWidth(page)).toBe(0);
      await page.getByRole("button", { name: "Sign in" }).click();
      await waitUntilLive(page);
      for (const name of ["atlas", "chat", "camera"]) await openLine(page, name);
      expect(await overflowWidth(page)).toBe(0);
      await page.getByRole("button", { name: "Add share" }).click();
      expect(await overflowWidth(page)).toBe(0);
    },
    TIMEOUT_MS,
  );

  test(
    "the chosen theme is kept for the next visit",
    async () => {
      await begin({ fleet: "empty" });
      await page.goto(hub.url);
      await page.getByRole("button", { name: /^Theme/ }).click();
      await page.reload();
      await page.getByRole("button", { name: "Theme: light. Change it" }).waitFor();
      expect(await page.evaluate(() => document.documentElement.dataset["theme"])).toBe("light");
    },
    TIMEOUT_MS,
  );
});
