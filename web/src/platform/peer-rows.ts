// Where a browser keeps its pairs and messages: IndexedDB, beside its keys. The private halves of receive keys are
// stored as the CryptoKey objects that they are, which no script can read, not even this one.
import {
  KEPT_TABLES,
  type KeptChange,
  type KeptTable,
  type RowKeeper,
} from "../../../src/client/peers/kept-tables.ts";
import { MusterError } from "../../../src/protocol/errors.ts";

const DATABASE = "muster-peers";

/** One database for the page's origin. Only the tab that holds the session may use it. */
export function browserRows(factory: IDBFactory = indexedDB): RowKeeper {
  return {
    async load() {
      const database = await open(factory);
      try {
        const transaction = database.transaction([...KEPT_TABLES], "readonly");
        const tables = await Promise.all(
          KEPT_TABLES.map((table) => readTable(transaction.objectStore(table), table)),
        );
        return tables.flat();
      } finally {
        database.close();
      }
    },
    async save(changes) {
      const database = await open(factory);
      try {
        await saved(database, changes);
      } catch (error) {
        throw storageProblem(error);
      } finally {
        database.close();
      }
    },
  };
}

async function readTable(rows: IDBObjectStore, table: KeptTable): Promise<KeptChange[]> {
  const [keys, values] = await Promise.all([settled(rows.getAllKeys()), settled(rows.getAll())]);
  // Only this file writes to the database, and a row to the table that it is of.
  return keys.map((key, at) => {
    if (typeof key !== "string") throw new MusterError("state_corrupt", "a row of this page has no name");
    return { table, key, row: values[at] };
  });
}

/** Resolves once the browser has it on its disk, as far as browsers can be asked for that. */
function saved(database: IDBDatabase, changes: readonly KeptChange[]): Promise<void> {
  const tables = [...new Set(changes.map(({ table }) => table))];
  const transaction = database.transaction(tables, "readwrite", { durability: "strict" });
  for (const { table, key, row } of changes) {
    const rows = transaction.objectStore(table);
    if (row === undefined) rows.delete(key);
    else rows.put(row, key);
  }
  return new Promise((resolve, reject) => {
    transaction.addEventListener("complete", () => resolve());
    const failed = (): void => reject(transaction.error ?? new Error("the browser's store failed"));
    transaction.addEventListener("abort", failed);
    transaction.addEventListener("error", failed);
  });
}

async function open(factory: IDBFactory): Promise<IDBDatabase> {
  const request = factory.open(DATABASE, 1);
  request.addEventListener("upgradeneeded", () => {
    for (const table of KEPT_TABLES) request.result.createObjectStore(table);
  });
  try {
    return await settled(request);
  } catch (error) {
    throw new MusterError("unavailable", "this browser keeps no data for this page, so it can't keep pairs", {
      hint: "leave private browsing, or allow site data for this address",
      cause: error,
    });
  }
}

function storageProblem(error: unknown): MusterError {
  const full = error instanceof DOMException && error.name === "QuotaExceededError";
  return full
    ? new MusterError("storage_full", "this browser has no room left for messages", { cause: error })
    : new MusterError("unavailable", "this browser could not keep a message", { cause: error });
}

function settled<Value>(request: IDBRequest<Value>): Promise<Value> {
  return new Promise((resolve, reject) => {
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error ?? new Error("the browser's store failed")));
  });
}
