// What may be bound to a column. Undefined and objects would be stored as something the next reader does not expect.

import type { SqliteValue } from "../world/world.ts";

export function bindable(value: unknown): SqliteValue {
  if (typeof value === "string" || typeof value === "number" || typeof value === "bigint") return value;
  if (typeof value === "boolean") return value ? 1 : 0;
  if (value === null || value instanceof Uint8Array) return value;
  throw new TypeError(`a value of type ${typeof value} can't be stored in a column`);
}
