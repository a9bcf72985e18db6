// What a grant of an owner log is good for.
import { MusterError } from "../protocol/errors.ts";
import type { GrantScope } from "../protocol/owner-log.ts";
import { toBase64Url } from "../protocol/bytes.ts";
import type { OwnerLog } from "./owner-log.ts";
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

/** Of what its devices offer, that of models which its key may use. Throws `forbidden` where that is never any. */
export function coveredModels<Offer extends { protocol: string }>(
  grant: Parameters<typeof coversCapability>[0],
  offers: readonly Offer[],
): Offer[] {
  const covered = [...MODEL_PROTOCOLS].filter((protocol) => coversCapability(grant, protocol));
  if (covered.length === 0) {
    throw new MusterError("forbidden", "this key may use no models", {
      hint: "make one that may: muster key create NAME --scope models",
    });
  }
  return offers.filter(({ protocol }) => covered.includes(protocol));
}

/** `deviceKey` in base64url. */
export function holdsOn({ devices }: Pick<Grant, "devices">, deviceKey: string): boolean {
  return devices?.includes(deviceKey) ?? true;
}

/** Ids of the logs of other owners who are let use something on this device, those included whose time is over. */
export function ownersLetOn(log: OwnerLog | undefined, deviceKey: string): string[] {
  const grants = log?.grants().filter((grant) => grant.holder === "owner" && holdsOn(grant, deviceKey)) ?? [];
  return [...new Set(grants.map(({ publicKey }) => toBase64Url(publicKey)))];
}
