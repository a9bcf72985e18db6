// Pictures of every state of the page, light, dark and on a phone, to be looked at after each change of it.
//
//   bun test/browser/screenshots.ts FOLDER [NAME…]
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import type { DeviceView, FleetView } from "../../src/protocol/views.ts";
import { loadAssets } from "../../src/world/page-assets.ts";
import { startMockHub, type MockHub, type MockOptions } from "./mock-hub.ts";
import { launchChromium } from "./chromium.ts";
import { GONE_CODE, LONG_CODE, mockDevices, WAITING_CODE, type MockDevices } from "./mock-devices.ts";
import {
  openAddDevice,
  openApproval,
  openGrants,
  openLine,
  openLoginLink,
  prepareDevice,
  showAsking,
  signIn,
} from "./steps.ts";

interface Scene {
  fleet: MockOptions["fleet"];
  admit?: MockOptions["admit"];
  grants?: "some";
  devices?: MockDevices;
  show(page: Page, hub: MockHub): Promise<unknown>;
}

const full = { fleet: "full" } as const;
const empty = { fleet: "empty" } as const;

const SCENES: Record<string, Scene> = {
  link: { ...empty, show: (page, hub) => openLoginLink(page, hub.loginUrl()) },
  spent: {
    ...empty,
    show: async (page, hub) => {
      await openLoginLink(page, hub.loginUrl().slice(0, -43) + "A".repeat(43));
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.getByRole("alert").waitFor();
    },
  },
  "sign-in": {
    ...empty,
    show: (page, hub) =>
      page.goto(hub.url).then(() => page.getByRole("heading", { name: "Sign in" }).waitFor()),
  },
  empty: { ...empty, show: (page, hub) => signIn(page, hub.loginUrl()) },
  full: { ...full, show: (page, hub) => signIn(page, hub.loginUrl()) },
  looks: { ...full, admit: "nobody", show: (page, hub) => signIn(page, hub.loginUrl()) },
  "looks-at-device": {
    ...full,
    admit: "nobody",
    show: async (page, hub) => {
      await signIn(page, hub.loginUrl());
      await page.goto(`${hub.url}/devices/atlas`);
      await page.getByText("muster hub login-link").waitFor();
    },
  },
  open: {
    ...full,
    show: async (page, hub) => {
      await signIn(page, hub.loginUrl());
      for (const name of ["atlas", "shop"]) await openLine(page, name);
    },
  },
  services: {
    ...full,
    show: async (page, hub) => {
      await signIn(page, hub.loginUrl());
      await page.getByPlaceholder("Filter").fill("s tcp");
      await page.getByText("flowmap-api", { exact: true }).scrollIntoViewIfNeeded();
    },
  },
  add: {
    ...empty,
    show: async (page, hub) => {
      await signIn(page, hub.loginUrl());
      await page.getByRole("button", { name: "Add share" }).first().click();
      await page.getByLabel("Port or folder").fill("3000");
    },
  },
  "add-problem": {
    ...full,
    show: async (page, hub) => {
      await signIn(page, hub.loginUrl());
      await page.getByRole("button", { name: "Add share" }).first().click();
      await page.getByLabel("Port or folder").fill("/home/ada/docs");
      await page.getByRole("dialog").getByLabel("Name").fill("docs");
      await page.getByRole("dialog").getByRole("button", { name: "Add share" }).click();
      await page.getByRole("alert").waitFor();
    },
  },
  added: {
    ...empty,
    show: async (page, hub) => {
      await signIn(page, hub.loginUrl());
      await page.getByRole("button", { name: "Add share" }).first().click();
      await page.getByLabel("Port or folder").fill("3000");
      await page.getByRole("dialog").getByRole("button", { name: "Add share" }).click();
      await page.getByText("is shared").waitFor();
    },
  },
  qr: {
    ...full,
    show: async (page, hub) => {
      await signIn(page, hub.loginUrl());
      await page.getByRole("button", { name: "QR code of docs" }).click();
    },
  },
  remove: {
    ...full,
    show: async (page, hub) => {
      await signIn(page, hub.loginUrl());
      await openLine(page, "shop");
      await page.getByRole("button", { name: "Remove…" }).click();
    },
  },
  "add-device": { ...full, show: (page, hub) => openAddDevice(page, hub) },
  "add-device-problem": {
    ...full,
    show: async (page, hub) => {
      await openAddDevice(page, hub);
      await page.getByRole("dialog").getByLabel("Name").fill("My Pi");
      await page.getByRole("button", { name: "Prepare a place" }).click();
      await page.getByRole("alert").waitFor();
    },
  },
  "add-device-made": { ...full, show: (page, hub) => prepareDevice(page, hub) },
  "add-device-here": {
    ...full,
    devices: mockDevices({ hubUrl: "http://localhost:8080" }),
    show: (page, hub) => prepareDevice(page, hub),
  },
  approve: { ...full, show: (page, hub) => openApproval(page, hub) },
  "approve-unknown": {
    ...full,
    show: async (page, hub) => {
      await openApproval(page, hub, "ZZZZ-ZZZZ");
      await page.getByRole("button", { name: "Show who asks" }).click();
      await page.getByRole("alert").waitFor();
    },
  },
  "approve-asks": { ...full, show: (page, hub) => showAsking(page, hub, WAITING_CODE) },
  "approve-asks-elsewhere": {
    ...full,
    devices: mockDevices({ canConfirm: false }),
    show: (page, hub) => showAsking(page, hub, LONG_CODE),
  },
  "approve-long": { ...full, show: (page, hub) => showAsking(page, hub, LONG_CODE) },
  "approve-gone": {
    ...full,
    show: async (page, hub) => {
      await showAsking(page, hub, GONE_CODE);
      await page.getByRole("button", { name: "Deny" }).click();
      await page.getByRole("alert").waitFor();
    },
  },
  approved: {
    ...full,
    devices: mockDevices({ canConfirm: false }),
    show: async (page, hub) => {
      await showAsking(page, hub, WAITING_CODE);
      await page
        .getByRole("button", { name: /^Approve|^Let/ })
        .last()
        .click();
      await page.getByRole("link", { name: "To the fleet" }).waitFor();
    },
  },
  denied: {
    ...full,
    show: async (page, hub) => {
      await showAsking(page, hub, WAITING_CODE);
      await page.getByRole("button", { name: "Deny" }).click();
      await page.getByRole("link", { name: "To the fleet" }).waitFor();
    },
  },
  account: {
    ...empty,
    show: async (page, hub) => {
      await signIn(page, hub.loginUrl());
      await page.getByRole("button", { name: "ada" }).click();
    },
  },
  "no-grants": { ...empty, show: (page, hub) => openGrants(page, hub) },
  grants: { ...full, grants: "some", show: (page, hub) => openGrants(page, hub) },
  "grants-open": {
    ...full,
    grants: "some",
    show: async (page, hub) => {
      await openGrants(page, hub);
      for (const name of ["backup of the night", "anna"]) await openLine(page, name);
    },
  },
  "lent-to": {
    ...full,
    grants: "some",
    show: async (page, hub) => {
      await signIn(page, hub.loginUrl());
      await openLine(page, "atlas");
      await page.getByText("Lent to").scrollIntoViewIfNeeded();
    },
  },
  "grants-way": {
    ...full,
    grants: "some",
    show: async (page, hub) => {
      await signIn(page, hub.loginUrl());
      await page.getByRole("button", { name: "Keys and grants" }).scrollIntoViewIfNeeded();
    },
  },
  "new-key": {
    ...full,
    grants: "some",
    show: async (page, hub) => {
      await openGrants(page, hub);
      await page.getByRole("button", { name: "New key or grant" }).click();
      await page.getByRole("textbox", { name: "Name" }).fill("my editor");
      await page.getByRole("checkbox", { name: /^Capabilities/ }).check();
      await page.getByLabel("Which capabilities").fill("embeddings x.translate");
    },
  },
  "new-key-problem": {
    ...full,
    grants: "some",
    show: async (page, hub) => {
      await openGrants(page, hub);
      await page.getByRole("button", { name: "New key or grant" }).click();
      await page.getByRole("textbox", { name: "Name" }).fill("editor");
    },
  },
  "new-grant": {
    ...full,
    grants: "some",
    show: async (page, hub) => {
      hub.change(withModels);
      await openGrants(page, hub);
      await page.getByRole("button", { name: "New key or grant" }).click();
      await page.getByRole("radio", { name: /^Another owner/ }).check();
      await page.getByLabel("Their owner id").fill(`-${"q4Zt".repeat(10)}_A`);
      await page.getByLabel("What to call them").fill("carla");
    },
  },
  lost: {
    ...full,
    show: async (page, hub) => {
      await signIn(page, hub.loginUrl());
      hub.pause();
      await page.getByText("No connection to the hub").waitFor();
      await page.getByText(/for [3-9] s/).waitFor();
    },
  },
};

function withModels(fleet: FleetView): FleetView {
  const capabilities: DeviceView["capabilities"] = [
    { protocol: "llm.chat", version: "1.0.0", models: ["qwen3:8b"], class: "compute" },
    { protocol: "embeddings", version: "1.0.0", class: "compute" },
    { protocol: "tasks", version: "1.0.0", class: "read" },
  ];
  const devices = fleet.devices.map((one) => (one.name === "atlas" ? { ...one, capabilities } : one));
  return { ...fleet, devices };
}

const LOOKS = {
  light: { viewport: { width: 1280, height: 860 }, colorScheme: "light" },
  dark: { viewport: { width: 1280, height: 860 }, colorScheme: "dark" },
  phone: { viewport: { width: 360, height: 740 }, colorScheme: "light", hasTouch: true, isMobile: true },
} as const;

const [folder = "/tmp/muster-screenshots", ...wanted] = process.argv.slice(2);
const assets = await loadAssets();
const browser = await launchChromium();
for (const [name, scene] of Object.entries(SCENES)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  await picture(browser, name, scene);
}
await browser.close();

async function picture(on: Browser, name: string, scene: Scene): Promise<void> {
  for (const [look, options] of Object.entries(LOOKS)) {
    const hub = await startMockHub({
      assets,
      fleet: scene.fleet,
      admit: scene.admit ?? "controller",
      grants: scene.grants ?? "none",
      devices: scene.devices ?? mockDevices(),
    });
    const context = await on.newContext(options);
    const page = await context.newPage();
    page.on("pageerror", (error) => process.stderr.write(`${name} ${look}: ${error.message}\n`));
    await scene.show(page, hub);
    await page.screenshot({ path: join(folder, `${name}-${look}.png`) });
    await context.close();
    await hub.stop();
  }
}
