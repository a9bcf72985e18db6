// Ids of tasks and of the orders that become them: UUIDs of version 7 (RFC 9562), so that what was ordered later sorts
// later.
import { toHex, u64 } from "../../protocol/bytes.ts";
import type { Clock, Random } from "../../world/world.ts";

export function newTaskId(clock: Pick<Clock, "now">, random: Pick<Random, "bytes">): string {
  const bytes = random.bytes(16);
  bytes.set(u64(clock.now()).subarray(2));
  bytes[6] = 0x70 | ((bytes[6] ?? 0) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
  const text = toHex(bytes);
  const parts = [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)];
  return parts.join("-");
}

export function isTaskId(text: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(text);
}
