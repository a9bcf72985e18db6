// The library in a page of its own, in a real browser: the same module as under Bun, here at the other end.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { connect, keysOfSecrets, makeSecretKeys, type ReceivedMessage } from "../../src/library.ts";
import { Home } from "../e2e/harness.ts";
import { hasChromium, launchChromium } from "./chromium.ts";
import type { LibraryPage } from "./library-page.ts";

const TIMEOUT_MS = 60_000;

/** What the page's script leaves in its window. */
declare const library: LibraryPage;
declare const device: Awaited<ReturnType<LibraryPage["begin"]>>;

describe.skipIf(!hasChromium())("the library in a browser", () => {
  let browser: Browser;
  let context: BrowserContext;
  let home: Home;
  let origin: string;
  let script: string;

  beforeAll(async () => {
    home = new Home();
    const started = await home.start("--no-tunnel");
    ({ origin } = new URL(started.login_url ?? ""));
    browser = await launchChromium();
    context = await browser.newContext();
    const built = await Bun.build({
      entrypoints: [join(import.meta.dir, "library-page.ts")],
      target: "browser",
      format: "iife",
    });
    script = (await built.outputs[0]?.text()) ?? "";
  }, TIMEOUT_MS);

  afterAll(async () => {
    await browser.close();
    await home[Symbol.asyncDispose]();
  }, TIMEOUT_MS);

  async function openDevice(): Promise<Page> {
    const page = await context.newPage();
    // A page of the hub: its WebSocket is open to those of its own origin alone.
    await page.goto(origin);
    await page.evaluate(script);
    await page.evaluate(async () => void Object.assign(window, { device: await library.begin() }));
    return page;
  }

  const came = (page: Page, count: number) =>
    page.waitForFunction((least) => device.came.length >= least, count);

  test(
    "a page pairs, sends and hears, and goes on after it was closed; no script can read its keys",
    async () => {
      const peer = await connect({
        hubUrl: origin,
        webSocket: WebSocket,
        keys: await keysOfSecrets(makeSecretKeys()),
        nickname: "A program",
      });
      const first = await openDevice();
      try {
        await peer.ready();
        const code = await first.evaluate(async () => {
          const made = await device.peer.pair({ petname: "friend" });
          return made.code;
        });
        const ofPeer = await peer.join(code);
        expect(await first.evaluate(async () => (await device.peer.find("friend")).safetyWords)).toBe(
          ofPeer.safetyWords,
        );

        const one = await peer.send(ofPeer.key, { text: "to the page" });
        expect((await peer.delivered(one.id)).state).toBe("delivered");
        await came(first, 1);
        const heard = Promise.withResolvers<ReceivedMessage>();
        peer.onMessage(heard.resolve);
        await first.evaluate(async () => {
          const { key } = await device.peer.find("friend");
          const file = { name: "from the page.bin", bytes: new Uint8Array(100_000).fill(7) };
          const { id } = await device.peer.send(key, { file });
          await device.peer.delivered(id);
        });
        expect(await heard.promise).toMatchObject({
          type: "file",
          name: "from the page.bin",
          bytes: new Uint8Array(100_000).fill(7),
        });

        await first.close();
        const two = await peer.send(ofPeer.key, { text: "while it was closed" });
        const again = await openDevice();
        await came(again, 1);
        expect(await again.evaluate(() => device.came)).toMatchObject([
          { type: "text", text: "while it was closed", id: two.id },
        ]);
        expect((await peer.delivered(two.id)).state).toBe("delivered");
        expect(
          await again.evaluate(async () => (await device.peer.peers()).map((one) => one.petname)),
        ).toEqual(["friend"]);
        const { kept, shown } = await again.evaluate(() => library.secretsShown());
        expect(kept).toBeGreaterThan(0);
        expect(shown).toBe(0);
      } finally {
        peer.close();
      }
    },
    TIMEOUT_MS,
  );
});
