// Pictures of pairing and messages, light, dark and on a phone, to be looked at after each change of them: a real hub,
// a real terminal, and a few programs that are guests of it.
//
//   bun test/browser/peer-screenshots.ts FOLDER
import { join } from "node:path";
import type { Page } from "playwright-core";
import { connectPeer } from "../../src/client/connect-peer.ts";
import type { ConnectedPeer } from "../../src/client/peer.ts";
import { memoryPeerStore } from "../../src/client/peers/memory-store.ts";
import { rawReceiveKeys } from "../../src/client/peers/receive-ring.ts";
import { nodeCrypto } from "../../src/identity/crypto-node.ts";
import { webDhKey } from "../../src/identity/sealed/session-crypto-web.ts";
import { realClock, realTimers } from "../../src/world/time.ts";
import { Home } from "../e2e/harness.ts";
import { launchChromium } from "./chromium.ts";
import {
  attach,
  enterCode,
  makeCode,
  openPairing,
  sayTheyMatch,
  sendText,
  shownWords,
} from "./peer-steps.ts";
import { signIn } from "./steps.ts";

const LOOKS = {
  light: { viewport: { width: 1280, height: 860 }, colorScheme: "light" },
  dark: { viewport: { width: 1280, height: 860 }, colorScheme: "dark" },
  phone: { viewport: { width: 360, height: 740 }, colorScheme: "light", hasTouch: true, isMobile: true },
} as const;

const [folder = "/tmp/muster-screenshots"] = process.argv.slice(2);
const primitives = nodeCrypto((length) => crypto.getRandomValues(new Uint8Array(length)));
const browser = await launchChromium();
for (const [look, options] of Object.entries(LOOKS)) {
  await using home = new Home();
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.on("pageerror", (error) => process.stderr.write(`${look}: ${error.message}\n`));
  const shoot = async (name: string): Promise<void> => {
    await page.screenshot({ path: join(folder, `peers-${name}-${look}.png`) });
  };
  const guests: ConnectedPeer[] = [];
  const { login_url, hub_url } = await home.start("--no-tunnel");
  const { origin } = new URL(login_url ?? "");
  await asGuest(page, { home, origin, shoot });
  await signIn(page, login_url ?? "");
  await asPerson(page, { home, origin, shoot });
  for (const name of ["studio", "Ada's phone", "build-vm-with-a-rather-long-name"]) {
    const guest = await openGuest(hub_url, name);
    guests.push(guest);
    await pairWith(page, guest);
  }
  await manyPeers(page, { guests, shoot });
  await home.ok(["stop"]);
  await page.getByText("No connection to the hub").waitFor();
  await shoot("lost");
  for (const guest of guests) guest.close();
  await context.close();
}
await browser.close();

interface Scene {
  home: Home;
  origin: string;
  shoot(name: string): Promise<void>;
}

async function asGuest(page: Page, { home, origin, shoot }: Scene): Promise<void> {
  await openPairing(page, origin);
  await shoot("guest");
  await enterCode(page, "k7-q2m0");
  await shoot("typo");
  await enterCode(page, "ZZ-2222");
  await page.getByRole("alert").waitFor();
  await shoot("failed");
  const making = home.spawn(["pair", "--json"]);
  const { link } = await making.firstJson();
  await page.goto(`${origin}/pair${new URL(link).hash}`);
  await page.getByText("Fingerprint").waitFor();
  await shoot("invited");
  making.signal("SIGINT");
  await making.exited;
}

async function asPerson(page: Page, { home, shoot }: Scene): Promise<void> {
  await page.getByRole("link", { name: "Messages" }).click();
  const code = await makeCode(page);
  await shoot("offered");
  await home.ok(["pair", code, "--name", "page"]);
  await shownWords(page);
  await shoot("words");
  await sayTheyMatch(page);
  await shoot("nothing-said");
  await home.ok(["send", "page", "Build 214 is green. The pages are on https://docs.example.net/ now."]);
  await page.getByRole("log").getByText("Build 214").waitFor();
  await sendText(page, "Thanks! Can you send me the log?\n\nAnd the picture, if the camera is back.");
  const picture = home.write(
    "board-front-with-a-very-long-file-name-2026-11-20T09-12-44.jpg",
    "x".repeat(731_000),
  );
  await home.ok(["send", "page", "--file", picture]);
  await page.getByText("delivered", { exact: true }).waitFor();
  await page.getByRole("button", { name: /^Save/ }).waitFor();
  await shoot("talk");
  await page.getByRole("button", { name: "Details" }).click();
  await shoot("details");
  await page.getByRole("button", { name: "Unpair…" }).click();
  await shoot("unpair");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Details" }).click();
  await attach(page, { name: "notes.pdf", bytes: new Uint8Array(40_000_000) });
  await page.getByRole("button", { name: "Send" }).click();
  await page.getByText("sending", { exact: true }).waitFor();
  await shoot("large");
}

async function pairWith(page: Page, guest: ConnectedPeer): Promise<void> {
  const back = page.getByRole("button", { name: "Devices" });
  if (await back.isVisible()) await back.click();
  await page.getByRole("button", { name: "Pair a device" }).click();
  const { code } = await guest.pair();
  await enterCode(page, code);
  await shownWords(page);
  await page.getByRole("button", { name: "Later" }).click();
  await page.getByText("Nobody has compared").waitFor();
}

interface Many {
  guests: readonly ConnectedPeer[];
  shoot(name: string): Promise<void>;
}

async function manyPeers(page: Page, { guests, shoot }: Many): Promise<void> {
  const [first, second] = guests;
  const [own] = (await first?.peers()) ?? [];
  const [gone] = (await second?.peers()) ?? [];
  if (own === undefined || gone === undefined) throw new Error("the guests are not paired");
  await second?.send(gone.key, { text: "Good night" });
  await page.getByRole("link", { name: /1 unread/ }).waitFor();
  await first?.send(own.key, {
    text: "Two lines,\nof which the second is much longer than the list is wide",
  });
  await page.getByRole("link", { name: /2 unread/ }).waitFor();
  await second?.unpair(gone.key);
  await page.getByText("Not paired any more").waitFor({ state: "attached" });
  await shoot("many");
  const back = page.getByRole("button", { name: "Devices" });
  if (await back.isVisible()) await back.click();
  await page.getByRole("list", { name: "Devices" }).waitFor();
  await shoot("list");
}

async function openGuest(hubUrl: string, nickname: string): Promise<ConnectedPeer> {
  const pair = await crypto.subtle.generateKey("X25519", false, ["deriveBits"]);
  if (!("privateKey" in pair)) throw new Error("X25519 is not a key pair here");
  const guest = connectPeer({
    hubUrl,
    webSocket: WebSocket,
    session: "guest",
    platform: "bun",
    version: "0.1.0",
    nickname: () => nickname,
    kind: "laptop",
    crypto: primitives,
    subtle: crypto.subtle,
    world: {
      clock: realClock,
      timers: realTimers,
      random: { bytes: (length) => primitives.randomBytes(length), fraction: () => Math.random() },
    },
    store: await memoryPeerStore(),
    keys: {
      signer: primitives.ed25519Signer(primitives.randomBytes(32)),
      link: await webDhKey(crypto.subtle, pair),
      makeReceiveKey: rawReceiveKeys(primitives),
    },
  });
  await guest.ready();
  return guest;
}
