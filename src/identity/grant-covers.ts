// What a grant of an owner log is good for.
import type { GrantScope } from "../protocol/owner-log.ts";
import type { Grant } from "./owner-log-state.ts";

/** What the scope `models` stands for. */
const MODEL_PROTOCOLS: ReadonlySet<string> = new Set(["llm.chat", "embeddings"]);

/** Whether it lets its key use this capability, on some device at least. */
export function coversCapability(
  { scopes, capabilities }: { scopes: readonly GrantScope[]; capabilities: readonly string[] | null },
  protocol: string,
): boolean {
  if (scopes.includes("models") && MODEL_PROTOCOLS.has(protocol)) return true;
  return scopes.includes("capabilities") && (capabilities?.includes(protocol) ?? true);
}

/** `deviceKey` in base64url. */
export function holdsOn({ devices }: Pick<Grant, "devices">, deviceKey: string): boolean {
  return devices?.includes(deviceKey) ?? true;
}
