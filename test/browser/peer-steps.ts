// What a person does in the place for paired devices, by roles, labels and words.
import type { Page } from "playwright-core";

export async function openPairing(page: Page, origin: string): Promise<void> {
  await page.goto(`${origin}/pair`);
  await page.getByLabel("Code of the other device").waitFor();
}

export async function enterCode(page: Page, code: string): Promise<void> {
  await page.getByLabel("Code of the other device").fill(code);
  await page.getByRole("button", { name: "Pair", exact: true }).click();
}

/** Makes a code and reads it off the page. */
export async function makeCode(page: Page): Promise<string> {
  await page.getByRole("button", { name: "Create pairing code" }).click();
  return (await page.locator("output").textContent()) ?? "";
}

/** The five words that the page shows after a pairing. */
export async function shownWords(page: Page): Promise<string> {
  await page.getByRole("heading", { name: /^Paired with/ }).waitFor();
  return (
    await page.getByRole("list", { name: "Safety words" }).getByRole("listitem").allTextContents()
  ).join(" ");
}

export async function sayTheyMatch(page: Page): Promise<void> {
  await page.getByRole("button", { name: "They match" }).click();
  await page.getByLabel(/^Message to/).waitFor();
}

export async function openTalk(page: Page, name: string): Promise<void> {
  await page.getByRole("list", { name: "Devices" }).getByRole("button", { name }).click();
  await page.getByLabel(`Message to ${name}`).waitFor();
}

export async function sendText(page: Page, text: string): Promise<void> {
  await page.getByLabel(/^Message to/).fill(text);
  await page.getByRole("button", { name: "Send" }).click();
}

export async function attach(page: Page, file: { name: string; bytes: Uint8Array }): Promise<void> {
  await page.locator("[data-files]").setInputFiles({
    name: file.name,
    mimeType: "application/octet-stream",
    buffer: Buffer.from(file.bytes),
  });
}

/** The bytes of a file in the open conversation, as the browser saves them. */
export async function savedFile(page: Page, name: string): Promise<{ name: string; bytes: Uint8Array }> {
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: `Save ${name}` }).click(),
  ]);
  const bytes = await Bun.file(await download.path()).bytes();
  return { name: download.suggestedFilename(), bytes };
}
