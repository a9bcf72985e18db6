// What this device has to know in its next life, in one folder that only its user may read: its keys, the hub it
// knows, its pairs and messages (the library's rows), and the notes as they were last.
import {
  chmodSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";

/** JSON with bytes in it. */
const write = (value) =>
  JSON.stringify(value, (_, held) =>
    held instanceof Uint8Array ? { $bytes: Buffer.from(held).toString("base64") } : held,
  );
const read = (text) =>
  JSON.parse(text, (_, held) =>
    typeof held?.$bytes === "string" ? new Uint8Array(Buffer.from(held.$bytes, "base64")) : held,
  );

/** A value in a file: whole or as before, and on the disk when `save` returns. */
function kept(path, first) {
  return {
    load() {
      try {
        return read(readFileSync(path, "utf8"));
      } catch (error) {
        if (error.code === "ENOENT") return first();
        throw error;
      }
    },
    save(value) {
      const file = openSync(`${path}.tmp`, "w", 0o600);
      try {
        writeSync(file, write(value));
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(`${path}.tmp`, path);
    },
  };
}

export function openState(folder) {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
  return {
    device: kept(join(folder, "device.json"), () => undefined),
    notes: kept(join(folder, "notes.json"), () => []),
    rows: rowKeeper(kept(join(folder, "rows.json"), () => [])),
  };
}

/** The library's rows: few here, so all of them are written each time. */
function rowKeeper(file) {
  const rows = new Map(file.load().map((row) => [`${row.table} ${row.key}`, row]));
  return {
    load: async () => [...rows.values()],
    async save(changes) {
      const before = new Map(rows);
      for (const change of changes) {
        const name = `${change.table} ${change.key}`;
        if (change.row === undefined) rows.delete(name);
        else rows.set(name, change);
      }
      try {
        file.save([...rows.values()]);
      } catch (error) {
        rows.clear();
        for (const [name, row] of before) rows.set(name, row);
        throw error;
      }
    },
  };
}
