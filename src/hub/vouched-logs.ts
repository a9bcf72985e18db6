// What a hub has checked of owner logs, remembered across its restarts: a mark over every byte of a log's rows, made
// with a key that is not in the database. A log that still bears its mark needs no second look at ten thousand
// signatures before the port opens; one whose rows were changed does not bear it, and is checked like a stranger's.
import type { Kysely } from "kysely";
import type { Crypto } from "../identity/crypto.ts";
import type { Secret } from "../identity/secret.ts";
import { equalSecretBytes, fromBase64Url, toBase64Url, utf8 } from "../protocol/bytes.ts";
import type { OwnerLogTable } from "../store/common-schema.ts";
import type { HubDatabase } from "../store/hub-schema.ts";
import { inTransaction } from "../store/in-transaction.ts";
import { getSetting, setSetting } from "../store/settings.ts";

/** How many entries were checked, and the mark over them. */
interface Mark {
  length: number;
  mac: string;
}

export interface VouchedLogsOptions {
  db: Kysely<HubDatabase>;
  crypto: Crypto;
  secret: Secret<Uint8Array>;
}

export class VouchedLogs {
  readonly #db: Kysely<HubDatabase>;
  readonly #crypto: Crypto;
  readonly #key: Uint8Array;

  constructor({ db, crypto, secret }: VouchedLogsOptions) {
    this.#db = db;
    this.#crypto = crypto;
    // A key for this end alone: the secret serves others too.
    this.#key = crypto.hmacSha256(secret.reveal(), utf8("muster/v1/checked-owner-log"));
  }

  /** How many of these rows, from the first on, are known to be what was checked before. */
  async knownOf(root: string, rows: readonly OwnerLogTable[]): Promise<number> {
    const mark = readMark(await getSetting(this.#db, settingOf(root)));
    if (mark === undefined || mark.length > rows.length) return 0;
    const given = fromBase64Url(mark.mac);
    const expected = this.#macOf(root, rows.slice(0, mark.length));
    return given !== undefined && equalSecretBytes(given, expected) ? mark.length : 0;
  }

  /** These have been checked, whole. */
  async vouch(logs: ReadonlyMap<string, readonly OwnerLogTable[]>): Promise<void> {
    if (logs.size === 0) return;
    await inTransaction(this.#db, async (transaction) => {
      for (const [root, rows] of logs) {
        const mac = toBase64Url(this.#macOf(root, rows));
        await setSetting(transaction, settingOf(root), { length: rows.length, mac });
      }
    });
  }

  /** JSON of one array: what stands in one row can't be taken for what stands in two. */
  #macOf(root: string, rows: readonly OwnerLogTable[]): Uint8Array {
    const text = JSON.stringify([
      root,
      ...rows.map(({ number, hash, json }) => [number, toBase64Url(hash), json]),
    ]);
    return this.#crypto.hmacSha256(this.#key, utf8(text));
  }
}

function settingOf(root: string): string {
  return `owner_log.checked.${root}`;
}

function readMark(value: unknown): Mark | undefined {
  if (typeof value !== "object" || value === null || !("length" in value) || !("mac" in value))
    return undefined;
  const { length, mac } = value;
  return typeof length === "number" && typeof mac === "string" ? { length, mac } : undefined;
}
