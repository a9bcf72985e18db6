// The home that began this hub: its key is the first controller of the hub's first owner, and it lets in the
// browsers that spend a login link it printed.
import type { Kysely } from "kysely";
import type { Crypto, Signer } from "../identity/crypto.ts";
import { browserDeviceName } from "../identity/browser-log.ts";
import { appendEntry, beginLog, type NewEntry, type OwnerLog } from "../identity/owner-log.ts";
import { toBase64Url } from "../protocol/bytes.ts";
import { MusterError } from "../protocol/errors.ts";
import { deviceIdOf } from "../protocol/ids.ts";
import { BROWSER_CONTROLLER_DAYS } from "../protocol/limits.ts";
import type { DeviceKind } from "../protocol/views.ts";
import { addDevice } from "../store/devices.ts";
import type { HubDatabase } from "../store/hub-schema.ts";
import type { BrowserKeys, Home, NewMember } from "./api/ports.ts";
import type { DeviceBook } from "./device-book.ts";
import type { OwnerLogs } from "./owner-logs.ts";

export interface HomeKeys {
  signer: Signer;
  linkKey: Uint8Array;
  about: { name: string; kind: DeviceKind; platform: string };
}

export interface HomeParts {
  db: Kysely<HubDatabase>;
  crypto: Crypto;
  keys: HomeKeys;
  ownerLogs: OwnerLogs;
  devices: DeviceBook;
  now(): number;
}

const DAY_MS = 86_400_000;
/** Another entry may come first; then this one is signed anew. */
const TRIES_MAX = 5;

/** Begins the owner log where there is none that this key began. */
export async function openHome(parts: HomeParts): Promise<Home & { root: string }> {
  const root = (await beginOnce(parts)) ?? "";
  return {
    root,
    ownerRoot: () => root,
    admitBrowser: (browser) => admitBrowser(parts, root, browser),
    admitMember: (device) => admitMember(parts, root, device),
  };
}

async function beginOnce({ crypto, keys, ownerLogs }: HomeParts): Promise<string | undefined> {
  const own = toBase64Url(keys.signer.publicKey);
  const known = ownerLogs.roots().find((root) => ownerLogs.get(root)?.entries[0]?.by === own);
  if (known !== undefined) return known;
  const log = await beginLog(crypto, keys.signer, { ...keys.about, link_key: toBase64Url(keys.linkKey) });
  const entry = log.entries[0];
  return entry === undefined ? undefined : ownerLogs.begin(entry);
}

async function admitBrowser(
  parts: HomeParts,
  root: string,
  browser: BrowserKeys,
): Promise<{ deviceId: string }> {
  const { crypto, db, devices, now } = parts;
  const name = browserDeviceName(browser.name);
  await appendController(parts, root, { ...browser, name });
  const deviceId = deviceIdOf(crypto.sha256(browser.publicKey));
  const added = await addDevice(
    db,
    { ...browser, deviceId, name, kind: "browser", platform: "browser", ownerRoot: root, confirmed: true },
    now(),
  );
  if (added.outcome === "refused") throw new MusterError("forbidden", "this browser's key was removed");
  devices.keep(added.device);
  return { deviceId };
}

async function admitMember(parts: HomeParts, root: string, device: NewMember): Promise<void> {
  const { publicKey, linkKey, name, kind, platform } = device;
  const { signer } = parts.keys;
  await append(parts, root, (log) =>
    log.participant(publicKey)?.member === true
      ? undefined
      : {
          kind: "member",
          body: {
            public_key: toBase64Url(publicKey),
            link_key: toBase64Url(linkKey),
            name,
            kind,
            platform,
            ssh_host_keys: [],
            claim: null,
          },
          signer,
        },
  );
}

async function appendController(parts: HomeParts, root: string, browser: BrowserKeys): Promise<void> {
  const { keys, now } = parts;
  await append(parts, root, () => {
    const since = now();
    return {
      kind: "controller",
      body: {
        public_key: toBase64Url(browser.publicKey),
        link_key: toBase64Url(browser.linkKey),
        name: browser.name,
        kind: "browser",
        platform: "browser",
        scopes: ["command"],
        since,
        until: since + BROWSER_CONTROLLER_DAYS * DAY_MS,
        named: true,
      },
      signer: keys.signer,
    };
  });
}

/** Signs an entry behind the newest, and again where another came first. Nothing for what stands there already. */
async function append(
  { crypto, ownerLogs }: HomeParts,
  root: string,
  make: (log: OwnerLog) => NewEntry | undefined,
): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    const log = ownerLogs.get(root);
    if (log === undefined) throw new MusterError("unavailable", "this hub has no owner yet");
    const wanted = make(log);
    if (wanted === undefined) return;
    const longer = await appendEntry(crypto, log, wanted);
    const entry = longer.entries.at(-1);
    if (entry === undefined) throw new Error("an appended log has no last entry");
    try {
      return await ownerLogs.append(entry);
    } catch (error) {
      const moved = error instanceof MusterError && error.code === "conflict";
      if (!moved || tries >= TRIES_MAX) throw error;
    }
  }
}
