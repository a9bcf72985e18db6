// The page as a device that pairs, in a real browser, with a real hub and the real program in a home of its own.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { loadAssets } from "../../src/world/page-assets.ts";
import { Home, type Json } from "../e2e/harness.ts";
import { until } from "../e2e/until.ts";
import { hasChromium, launchChromium } from "./chromium.ts";
import { startMockHub } from "./mock-hub.ts";
import {
  attach,
  enterCode,
  makeCode,
  openPairing,
  openTalk,
  savedFile,
  sayTheyMatch,
  sendText,
  shownWords,
} from "./peer-steps.ts";
import { overflowWidth, signIn } from "./steps.ts";

const TIMEOUT_MS = 120_000;

describe.skipIf(!hasChromium())("the page as a device that pairs", () => {
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let home: Home;
  let origin: string;
  let loginUrl: string;
  let complaints: string[];

  beforeAll(async () => {
    browser = await launchChromium();
    home = new Home();
    const started = await home.start("--no-tunnel");
    loginUrl = started.login_url ?? "";
    ({ origin } = new URL(loginUrl));
  }, TIMEOUT_MS);

  afterAll(async () => {
    await browser.close();
    await home[Symbol.asyncDispose]();
  }, TIMEOUT_MS);

  beforeEach(async () => {
    ({ context, page } = await newPerson({ width: 1280, height: 800 }));
  });

  afterEach(async () => {
    await context.close();
    expect(complaints).toEqual([]);
  });

  async function newPerson(viewport: { width: number; height: number }) {
    const fresh = await browser.newContext({ viewport });
    fresh.setDefaultTimeout(30_000);
    const opened = await fresh.newPage();
    complaints = [];
    opened.on("pageerror", (error) => complaints.push(error.message));
    opened.on("console", (message) => {
      if (/Content Security Policy|Trusted/.test(message.text())) complaints.push(message.text());
    });
    opened.on("request", (request) => {
      if (!request.url().startsWith(`${origin}/`) && !/^(?:data|blob):/.test(request.url()))
        complaints.push(`asked ${request.url()}`);
    });
    return { context: fresh, page: opened };
  }

  async function inbox(): Promise<Json[]> {
    const { stdout } = await home.run(["inbox", "--json"]);
    return stdout
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line));
  }

  /** The terminal makes a code, the page enters it. What the terminal then calls the page. */
  async function pairByTerminalsCode(edit = (code: string): string => code): Promise<Json> {
    const making = home.spawn(["pair", "--json"]);
    const { code } = await making.firstJson();
    await enterCode(page, edit(code));
    await page.getByRole("heading", { name: /^Paired with/ }).waitFor();
    expect(await making.exited).toBe(0);
    return JSON.parse(making.stdout.trim().split("\n").at(-1) ?? "");
  }

  test(
    "a guest pairs by a typed code, compares words, and exchanges texts and files with the terminal",
    async () => {
      await page.goto(origin);
      await page.getByRole("button", { name: "Go on as a guest" }).click();
      await page.getByLabel("Code of the other device").waitFor();
      expect(page.url()).toBe(`${origin}/pair`);
      const { peer_name: me, safety } = await pairByTerminalsCode((code) =>
        code.toLowerCase().replace("-", " "),
      );
      expect(await shownWords(page)).toBe(safety);
      await sayTheyMatch(page);

      await sendText(page, "from the page: <b>no markup</b>");
      await page.getByText("delivered", { exact: true }).waitFor();
      await home.ok(["send", me, "from the terminal"]);
      await page.getByRole("log").getByText("from the terminal").waitFor();
      const up = crypto.getRandomValues(new Uint8Array(300_000));
      await attach(page, { name: "up.bin", bytes: up });
      await page.getByRole("button", { name: "Send" }).click();
      const came = await until("both have come", async () => {
        const all = (await inbox()).filter(({ from }) => from === me);
        return all.length === 2 && all;
      });
      expect(came[0]).toMatchObject({ text: "from the page: <b>no markup</b>" });
      expect(await Bun.file(came[1]?.file).bytes()).toEqual(up);

      const down = crypto.getRandomValues(new Uint8Array(200_000));
      const path = home.write("down.bin", down);
      await until("it is written", () => Bun.file(path).exists());
      await home.ok(["send", me, "--file", path]);
      expect(await savedFile(page, "down.bin")).toEqual({ name: "down.bin", bytes: down });

      await page.reload();
      const [{ name }] = (await home.ok(["status"])).devices;
      await openTalk(page, name);
      await page.getByRole("log").getByText("from the terminal").waitFor();
      expect((await savedFile(page, "up.bin")).bytes).toEqual(up);
      expect(await page.getByText("compared", { exact: true }).count()).toBe(1);
      expect(await exportedKeys(page)).toEqual([]);

      await page.getByRole("button", { name: "Leave…" }).click();
      const leave = page.getByRole("button", { name: "Leave and remove" });
      await Promise.all([page.waitForEvent("load"), leave.click()]);
      await page.getByLabel("Code of the other device").waitFor();
      expect(await exportedKeys(page)).toEqual(["too few keys were found"]);
      const { items } = await home.ok(["device", "peers"]);
      expect(items.map((peer: Json) => peer.name)).not.toContain(me);
    },
    TIMEOUT_MS,
  );

  test(
    "who is signed in makes a code for the terminal, reads while elsewhere, and ends it",
    async () => {
      await signIn(page, loginUrl);
      await page.getByRole("link", { name: "Messages" }).click();
      const code = await makeCode(page);
      const joined = await home.ok(["pair", code, "--name", "page"]);
      expect(await shownWords(page)).toBe(joined.safety);
      await page.getByRole("button", { name: "Later" }).click();
      await page.getByText("Nobody has compared the safety words").waitFor();

      // By the keyboard alone: out of the field, to the fleet, and back.
      for (const key of ["Escape", "g"]) await page.keyboard.press(key);
      await page.getByRole("heading", { name: "Browsers" }).waitFor();
      await home.ok(["send", "page", "are you there?"]);
      await page.getByRole("link", { name: "Messages 1 unread" }).waitFor();
      await page.keyboard.press("g");
      await page.getByRole("log").getByText("are you there?").waitFor();
      await page.getByRole("link", { name: "Messages", exact: true }).waitFor();

      await page.getByRole("button", { name: "Details" }).click();
      await page.getByRole("button", { name: "Rename" }).click();
      await page.getByLabel("What to call it here").fill("workshop");
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: "workshop" }).waitFor();
      await page.getByRole("button", { name: "Unpair…" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Unpair workshop" }).click();
      await page.getByRole("list", { name: "Not paired any more" }).getByRole("button").click();
      await page.getByText("The pairing with workshop is over.").waitFor();
      await until("the terminal has heard it", async () => {
        const { items } = await home.ok(["device", "peers"]);
        return items.every((peer: Json) => peer.name !== "page");
      });
    },
    TIMEOUT_MS,
  );

  test(
    "a wrong code is spent at both ends and says so",
    async () => {
      await openPairing(page, origin);
      const making = home.spawn(["pair", "--json"]);
      const { code } = await making.firstJson();
      await enterCode(page, "K7-Q2M0");
      expect(await page.getByText("No code has “0” in it").count()).toBe(1);
      await enterCode(page, code.slice(0, 3) + (code.endsWith("2222") ? "3333" : "2222"));
      const alert = page.getByRole("alert");
      await alert.waitFor();
      expect(await alert.innerText()).toMatch(/not paired\n+That did not finish\.\n+Make a new code/);
      expect(await making.exited).toBe(1);
      await page.getByLabel("Code of the other device").fill("");
      await alert.waitFor({ state: "detached" });
    },
    TIMEOUT_MS,
  );

  test(
    "a scanned link leaves the address bar at once, shows whose it is, and waits for a click",
    async () => {
      const { device_id } = await home.ok(["status"]).then(({ device }) => ({ device_id: device.id }));
      const making = home.spawn(["pair", "--json"]);
      const { link } = await making.firstJson();
      await page.setViewportSize({ width: 360, height: 740 });
      await page.goto(`${origin}/pair${new URL(link).hash}`);
      await page.getByText(device_id).waitFor();
      expect(page.url()).toBe(`${origin}/pair`);
      expect(await overflowWidth(page)).toBe(0);
      expect(making.process.exitCode).toBeNull();
      await page.getByRole("button", { name: "Pair", exact: true }).click();
      const words = await shownWords(page);
      expect(await making.exited).toBe(0);
      expect(making.stdout).toContain(words);
      await sayTheyMatch(page);
      expect(await overflowWidth(page)).toBe(0);
      await page.goBack();
      await page.getByRole("list", { name: "Devices" }).waitFor();
      expect(await overflowWidth(page)).toBe(0);
    },
    TIMEOUT_MS,
  );

  test(
    "a file that is dropped or pasted waits for a click; a large one goes by itself, both ways",
    async () => {
      await openPairing(page, origin);
      const { peer_name: me } = await pairByTerminalsCode();
      await sayTheyMatch(page);
      await page.evaluate(() => {
        const give = (type: string, on: string, name: string, size: number): void => {
          const data = new DataTransfer();
          data.items.add(new File([new Uint8Array(size)], name));
          const init = { bubbles: true, cancelable: true };
          const event =
            type === "paste"
              ? new ClipboardEvent(type, { ...init, clipboardData: data })
              : new DragEvent(type, { ...init, dataTransfer: data });
          document.querySelector(on)?.dispatchEvent(event);
        };
        give("drop", ".talk", "dropped.txt", 3);
        give("paste", ".composer textarea", "pasted.png", 2_000_000);
      });
      const attached = page.getByRole("list", { name: "Attached files" }).getByRole("listitem");
      expect(await attached.count()).toBe(2);
      await page.getByRole("button", { name: "Send" }).click();
      await page.getByText("delivered", { exact: true }).nth(1).waitFor();
      expect(await attached.count()).toBe(0);
      const came = (await inbox()).filter(({ from }) => from === me);
      expect(came.map(({ file }) => Bun.file(file).size)).toEqual(expect.arrayContaining([2_000_000, 3]));

      const down = crypto.getRandomValues(new Uint8Array(3 * 65_536)).slice();
      const large = new Uint8Array(3_000_000).map((_, at) => down[at % down.length] ?? 0);
      const path = home.write("large.bin", large);
      await until("it is written", async () => Bun.file(path).size === large.length);
      await home.ok(["send", me, "--file", path]);
      expect(await savedFile(page, "large.bin")).toEqual({ name: "large.bin", bytes: large });
    },
    TIMEOUT_MS,
  );

  test(
    "what is sent while the hub is away waits, and goes by itself",
    async () => {
      await openPairing(page, origin);
      const { peer_name: me } = await pairByTerminalsCode();
      await sayTheyMatch(page);
      await home.ok(["stop"]);
      await page.getByText("No connection to the hub").waitFor();
      await sendText(page, "while it was away");
      await page.getByText("queued", { exact: true }).waitFor();
      await home.ok(["start", "--no-tunnel"]);
      await page.getByText("delivered", { exact: true }).waitFor();
      expect((await inbox()).filter(({ from }) => from === me)).toMatchObject([
        { text: "while it was away" },
      ]);
    },
    TIMEOUT_MS,
  );

  test(
    "a hub without guests asks to sign in, and one without TLS offers nothing",
    async () => {
      await using hub = await mockHub();
      await page.goto(`${hub.url}/pair`);
      await page.getByRole("heading", { name: "Sign in" }).waitFor();
      await page.addInitScript(() => Object.defineProperty(window, "isSecureContext", { value: false }));
      await page.goto(`${hub.url}/pair#K7.AAAAAAAAAAAAAAAAAAAAAA.gr2q7gf-5lh6pzf-dnurnkv-puthpqv`);
      await page.reload();
      await page.getByRole("heading", { name: "No pairing over plain HTTP" }).waitFor();
      expect(page.url()).toBe(`${hub.url}/pair`);
      expect(await page.evaluate(async () => (await indexedDB.databases()).length)).toBe(0);
      complaints = complaints.filter((text) => !text.startsWith("asked "));
    },
    TIMEOUT_MS,
  );
});

async function mockHub() {
  const hub = await startMockHub({ assets: await loadAssets(), fleet: "empty" });
  return { url: hub.url, [Symbol.asyncDispose]: () => hub.stop() };
}

/** What the page's own script could read of the private keys that this browser keeps. */
function exportedKeys(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const read = (name: string, store: string): Promise<unknown[]> =>
      new Promise((resolve) => {
        const opening = indexedDB.open(name);
        // It was not there: a look must not leave it behind.
        opening.addEventListener("upgradeneeded", () => opening.transaction?.abort());
        opening.addEventListener("error", () => resolve([]));
        opening.addEventListener("success", () => {
          const all = opening.result.transaction(store).objectStore(store).getAll();
          all.addEventListener("success", () => {
            resolve(all.result);
            opening.result.close(); // or nobody could delete it
          });
        });
      });
    const kept = [...(await read("muster", "keys")), ...(await read("muster-peers", "rings"))];
    const secrets: CryptoKey[] = [];
    const look = (value: unknown): void => {
      if (value instanceof CryptoKey) {
        if (value.type !== "public") secrets.push(value);
      } else if (typeof value === "object" && value !== null && !ArrayBuffer.isView(value)) {
        Object.values(value).forEach(look);
      }
    };
    kept.forEach(look);
    // Identity, link, and at least one receive key.
    const read_out: string[] = secrets.length < 3 ? ["too few keys were found"] : [];
    for (const key of secrets) {
      for (const format of ["raw", "jwk", "pkcs8"] as const) {
        await crypto.subtle.exportKey(format, key).then(
          () => read_out.push(format),
          () => {},
        );
      }
    }
    return read_out;
  });
}
