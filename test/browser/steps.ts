// What a person does on the page, as functions of a page and a link: they know roles, labels and words, not
// markup, and run against a stand-in or a real hub alike.
import type { Locator, Page } from "playwright-core";

/** Opens a login link and signs this browser in with it. Ends when the fleet is live. */
export async function signIn(page: Page, loginUrl: string): Promise<void> {
  await openLoginLink(page, loginUrl);
  await page.getByRole("button", { name: "Sign in" }).click();
  await waitUntilLive(page);
}

export async function openLoginLink(page: Page, loginUrl: string): Promise<void> {
  await page.goto(loginUrl);
  await page.getByRole("heading", { name: "Sign in to this hub" }).waitFor();
}

export async function waitUntilLive(page: Page): Promise<void> {
  await page.getByText("connected", { exact: true }).waitFor();
  await page.getByRole("list", { name: "Devices" }).waitFor();
}

export interface NewShare {
  /** A port, or an absolute path. */
  target: string;
  name?: string;
  access?: "Password" | "Login" | "Public";
}

export interface AddedShare {
  url: string;
  password: string | null;
}

/** Adds a share by the dialog and closes it again. */
export async function addShare(page: Page, share: NewShare): Promise<AddedShare> {
  await page.getByRole("button", { name: "Add share" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Port or folder").fill(share.target);
  if (share.name !== undefined) await dialog.getByLabel("Name").fill(share.name);
  if (share.access !== undefined) await dialog.getByRole("radio", { name: share.access }).check();
  await dialog.getByRole("button", { name: "Add share" }).click();
  await dialog.getByText("is shared").waitFor();
  const url = (await dialog.getByRole("link").getAttribute("href")) ?? "";
  const password = dialog.locator(".once");
  const added = { url, password: (await password.count()) === 0 ? null : await password.textContent() };
  await dialog.getByRole("button", { name: "Done" }).click();
  return added;
}

export async function removeShare(page: Page, name: string): Promise<void> {
  await openLine(page, name);
  await page.getByRole("button", { name: "Remove…" }).click();
  await page
    .getByRole("dialog")
    .getByRole("button", { name: `Remove ${name}` })
    .click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
}

/** Opens the details of a device or share. */
export async function openLine(page: Page, name: string): Promise<void> {
  const line = page.getByRole("button", { name, exact: true }).and(page.locator("[aria-expanded]"));
  if ((await line.getAttribute("aria-expanded")) === "false") await line.click();
}

/** The names of the lines that are shown, devices and shares, from the top. */
export function shownLines(page: Page): Promise<string[]> {
  return page.locator("[data-line]").allTextContents();
}

/** The rows of the terminal's screen, from the top; what has scrolled away is not among them. */
export function terminalRows(page: Page): Locator {
  return page.locator(".xterm-rows > div");
}

/** How far the page is wider than its window, in pixels; 0 is right. */
export function overflowWidth(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}

/** Signs in, and goes to the keys and grants by the way that the fleet shows. */
export async function openGrants(page: Page, hub: Place): Promise<void> {
  await signIn(page, hub.loginUrl());
  await page.getByRole("button", { name: "Keys and grants" }).click();
  await page.getByRole("heading", { name: "Keys and grants" }).waitFor();
}

/** Signs in, and opens the dialog for another device. */
export async function openAddDevice(page: Page, hub: Place): Promise<void> {
  await signIn(page, hub.loginUrl());
  await page.getByRole("button", { name: "Add device" }).first().click();
  await page.getByRole("dialog").waitFor();
}

export async function prepareDevice(page: Page, hub: Place): Promise<void> {
  await openAddDevice(page, hub);
  await page.getByRole("dialog").getByLabel("Name").fill("attic");
  await page.getByRole("button", { name: "Prepare a place" }).click();
  await page.getByText("It is shown once").waitFor();
}

/** Signs in, and opens the page that a device names, by the link that its QR code holds. */
export async function openApproval(page: Page, hub: Place, code = ""): Promise<void> {
  await signIn(page, hub.loginUrl());
  await page.goto(`${hub.url}/device${code === "" ? "" : `#${code}`}`);
  await page.getByLabel("Code").waitFor();
}

export async function showAsking(page: Page, hub: Place, code: string): Promise<void> {
  await openApproval(page, hub, code);
  await page.getByRole("button", { name: "Show who asks" }).click();
  await page.getByText("Asks from").waitFor();
}

interface Place {
  url: string;
  loginUrl(): string;
}
