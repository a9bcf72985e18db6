// Where a browser keeps the conversations: IndexedDB, beside its keys. A file's bytes lie apart from its item, so
// that the list is read without them, and come and go in one transaction with it.
import { MusterError } from "../../../src/protocol/errors.ts";
import type { TalkItem } from "../peers/peers-state.ts";
import type { TalkStore } from "../peers/talk-store.ts";

const DATABASE = "muster-talks";
const ITEMS = "items";
const FILES = "files";

export function talkDatabase(): TalkStore {
  let opened: Promise<IDBDatabase> | undefined;

  const database = (): Promise<IDBDatabase> => {
    opened ??= open().catch((error: unknown) => {
      opened = undefined;
      throw new MusterError(
        "unavailable",
        "this browser keeps no data for this page, so it can't keep messages",
        {
          hint: "leave private browsing, or allow site data for this address",
          cause: error,
        },
      );
    });
    return opened;
  };

  /** Resolves when what it wrote is durable. */
  const write = async (work: (items: IDBObjectStore, files: IDBObjectStore) => void): Promise<void> => {
    const transaction = (await database()).transaction([ITEMS, FILES], "readwrite", { durability: "strict" });
    const done = finished(transaction);
    work(transaction.objectStore(ITEMS), transaction.objectStore(FILES));
    await done;
  };

  return {
    async all() {
      const transaction = (await database()).transaction(ITEMS, "readonly");
      const items: unknown[] = await settled(transaction.objectStore(ITEMS).getAll());
      return items.filter(isItem).toSorted((one, other) => one.at - other.at);
    },
    put: (item, bytes) =>
      write((items, files) => {
        items.put(item, keyOf(item));
        if (bytes !== undefined) files.put(bytes, keyOf(item));
        else if (item.body.kind === "file" && !item.body.kept) files.delete(keyOf(item));
      }),
    async bytes(item) {
      const transaction = (await database()).transaction(FILES, "readonly");
      const bytes: unknown = await settled(transaction.objectStore(FILES).get(keyOf(item)));
      return bytes instanceof Uint8Array || bytes instanceof Blob ? bytes : undefined;
    },
    remove: (gone) =>
      write((items, files) => {
        for (const item of gone) {
          items.delete(keyOf(item));
          files.delete(keyOf(item));
        }
      }),
  };
}

function keyOf({ peer, from, id }: TalkItem): string {
  return `${peer} ${from} ${id}`;
}

/** What an older version of this page has stored; only it writes here. */
function isItem(value: unknown): value is TalkItem {
  return typeof value === "object" && value !== null && "peer" in value && "body" in value && "at" in value;
}

async function open(): Promise<IDBDatabase> {
  const request = indexedDB.open(DATABASE, 1);
  request.addEventListener("upgradeneeded", () => {
    request.result.createObjectStore(ITEMS);
    request.result.createObjectStore(FILES);
  });
  const database = await settled(request);
  // Whoever takes it away need not wait for this page.
  database.addEventListener("versionchange", () => database.close());
  return database;
}

function settled<Value>(request: IDBRequest<Value>): Promise<Value> {
  return new Promise((resolve, reject) => {
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error ?? new Error("the browser's store failed")));
  });
}

function finished(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (): void => reject(transaction.error ?? new Error("the browser's store failed"));
    transaction.addEventListener("complete", () => resolve());
    transaction.addEventListener("error", fail);
    transaction.addEventListener("abort", fail);
  });
}
