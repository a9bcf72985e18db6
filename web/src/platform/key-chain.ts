// Where a browser keeps its keys and its name: IndexedDB, which stores CryptoKey objects that no script can
// read. One record for the page's origin, made on the first sign-in and used from then on; and one of how far it has
// seen the owner log that lets it command, so that a hub can show it no older one and no other.
import type { RememberedHead } from "../../../src/client/commands/known-logs.ts";
import { browserSigner, makeBrowserKeys, type BrowserKeys } from "../../../src/identity/browser-key.ts";
import type { Signer } from "../../../src/identity/crypto.ts";
import type { DhKey } from "../../../src/identity/sealed/session-crypto.ts";
import { webDhKey } from "../../../src/identity/sealed/session-crypto-web.ts";
import { MusterError } from "../../../src/protocol/errors.ts";

const DATABASE = "muster";
const STORE = "keys";
const RECORD = "browser";
const OWNER = "owner";

export interface BrowserIdentity {
  name: string;
  signer: Signer;
  link: DhKey;
}

interface Stored {
  name: string;
  keys: BrowserKeys;
}

/** This browser's identity; undefined when it has none yet. */
export async function storedIdentity(): Promise<BrowserIdentity | undefined> {
  const stored: unknown = await inStore("readonly", (store) => store.get(RECORD));
  return isStored(stored) ? identityOf(stored) : undefined;
}

/** This browser's identity, made if it has none; the name is kept either way. */
export async function makeIdentity(name: string): Promise<BrowserIdentity> {
  const stored: unknown = await inStore("readonly", (store) => store.get(RECORD));
  const keys = isStored(stored) ? stored.keys : await makeKeys();
  await inStore("readwrite", (store) => store.put({ name, keys } satisfies Stored, RECORD));
  return identityOf({ name, keys });
}

/** Where the log of the owner who let this browser in ended when it was last seen. */
export async function rememberedOwner(): Promise<RememberedHead | undefined> {
  const stored: unknown = await inStore("readonly", (store) => store.get(OWNER));
  return isHead(stored) ? stored : undefined;
}

export async function rememberOwner(head: RememberedHead): Promise<void> {
  await inStore("readwrite", (store) => store.put(head, OWNER));
}

/** Whoever lets this browser in next is its owner. */
export async function forgetOwner(): Promise<void> {
  await inStore("readwrite", (store) => store.delete(OWNER));
}

async function makeKeys(): Promise<BrowserKeys> {
  try {
    return await makeBrowserKeys(crypto.subtle);
  } catch (error) {
    throw new MusterError("unavailable", "this browser cannot make Ed25519 and X25519 keys", {
      hint: "use Chrome or Edge 137, Firefox 130, Safari 17.4, or newer",
      cause: error,
    });
  }
}

async function identityOf({ name, keys }: Stored): Promise<BrowserIdentity> {
  const [signer, link] = await Promise.all([
    browserSigner(crypto.subtle, keys),
    webDhKey(crypto.subtle, keys.link),
  ]);
  return { name, signer, link };
}

function isStored(value: unknown): value is Stored {
  return typeof value === "object" && value !== null && "keys" in value && "name" in value;
}

function isHead(value: unknown): value is RememberedHead {
  return (
    typeof value === "object" && value !== null && "root" in value && "number" in value && "hash" in value
  );
}

async function inStore<Value>(
  mode: IDBTransactionMode,
  work: (store: IDBObjectStore) => IDBRequest<Value>,
): Promise<Value> {
  const database = await settled(opening()).catch((error: unknown) => {
    throw new MusterError("unavailable", "this browser keeps no data for this page, so it can't keep a key", {
      hint: "leave private browsing, or allow site data for this address",
      cause: error,
    });
  });
  try {
    return await settled(work(database.transaction(STORE, mode).objectStore(STORE)));
  } finally {
    database.close();
  }
}

function opening(): IDBOpenDBRequest {
  const request = indexedDB.open(DATABASE, 1);
  request.addEventListener("upgradeneeded", () => request.result.createObjectStore(STORE));
  return request;
}

function settled<Value>(request: IDBRequest<Value>): Promise<Value> {
  return new Promise((resolve, reject) => {
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error ?? new Error("the browser's store failed")));
  });
}
