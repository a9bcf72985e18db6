// A page with the library and nothing else, as another program's would have it: keys that no script can read, and
// the pairs and messages in IndexedDB. What the test asks for stands in `window.device`.
import { connect, keysOfBrowser, makeBrowserKeys, memoryPeerStore } from "../../src/library.ts";
import type { BrowserKeys, ReceivedMessage } from "../../src/library.ts";
import { browserRows } from "../../web/src/platform/peer-rows.ts";

/** Of one request, its result. */
function settled<Value>(request: IDBRequest<Value>): Promise<Value> {
  return new Promise((resolve, reject) => {
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error ?? new Error("the store failed")));
  });
}

async function ownKeys(): Promise<BrowserKeys> {
  const opening = indexedDB.open("own", 1);
  opening.addEventListener("upgradeneeded", () => opening.result.createObjectStore("keys"));
  const database = await settled(opening);
  const known = await settled(database.transaction("keys").objectStore("keys").get("own"));
  // Only this file writes there.
  if (known !== undefined) return known as BrowserKeys;
  const keys = await makeBrowserKeys(crypto.subtle);
  await settled(database.transaction("keys", "readwrite").objectStore("keys").put(keys, "own"));
  return keys;
}

async function begin() {
  const peer = await connect({
    hubUrl: location.origin,
    webSocket: WebSocket,
    keys: await keysOfBrowser(await ownKeys()),
    store: await memoryPeerStore(browserRows()),
    nickname: "A page",
    kind: "browser",
  });
  const came: ReceivedMessage[] = [];
  peer.onMessage((message) => void came.push(message));
  await peer.ready();
  return { peer, came };
}

/** Whether a script can read any private half that is kept for receiving. */
async function secretsShown(): Promise<{ kept: number; shown: number }> {
  const database = await settled(indexedDB.open("muster-peers"));
  const rings = await settled(database.transaction("rings").objectStore("rings").getAll());
  database.close();
  const keys = rings.flatMap((ring: { rows: { key: unknown }[] }) => ring.rows.map(({ key }) => key));
  const shown = await Promise.all(
    keys.map(async (key) => {
      if (!(key instanceof CryptoKey)) return true;
      return crypto.subtle.exportKey("jwk", key).then(
        () => true,
        () => false,
      );
    }),
  );
  return { kept: keys.length, shown: shown.filter(Boolean).length };
}

const page = { begin, secretsShown };
export type LibraryPage = typeof page;
Object.assign(window, { library: page });
