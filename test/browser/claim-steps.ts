// What a person does who opens a link that shares a device, as functions of a page; and an authenticator of the browser's
// own, since no machine that tests has a finger.
import type { CDPSession, Page } from "playwright-core";

/** Passkeys that answer by themselves. */
export async function withPasskeys(page: Page): Promise<CDPSession> {
  const session = await page.context().newCDPSession(page);
  await session.send("WebAuthn.enable");
  await session.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  return session;
}

export async function openShareLink(page: Page, link: string, device: string): Promise<void> {
  await page.goto(link);
  await page.getByRole("heading", { name: `${device} is shared with you` }).waitFor();
}

export interface Newcomer {
  name: string;
  /** A passkey without it. */
  password?: string;
}

/** Makes an account and takes the device. The words that the page shows. */
export async function takeAsNewcomer(
  page: Page,
  device: string,
  { name, password }: Newcomer,
): Promise<string[]> {
  await page.getByLabel("Your name here").fill(name);
  if (password !== undefined) {
    await page.getByRole("radio", { name: /^Password/ }).check();
    await page.getByRole("textbox", { name: "Password" }).fill(password);
  }
  await page.getByRole("button", { name: `Take ${device}` }).click();
  await page.getByRole("heading", { name: `${device} is yours to command` }).waitFor();
  if (password === undefined) await page.getByText("Your passkey is kept").waitFor();
  return page.getByRole("list", { name: "24 words" }).getByRole("listitem").allTextContents();
}

export async function typeWords(
  page: Page,
  words: readonly string[],
  button = "Let this browser command",
): Promise<void> {
  await page.getByLabel("Your 24 words").fill(words.join(" "));
  await page.getByRole("button", { name: button }).click();
}
