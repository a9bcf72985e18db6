// Keys and grants to look at: for screenshots and browser tests only.
import { toBase64Url } from "../../src/protocol/bytes.ts";
import type { EntryBody } from "../../src/protocol/owner-log.ts";

const DAY_MS = 86_400_000;

/** `home` is the key of a device that some of them name. */
export function exampleGrants(
  home: Uint8Array,
  at: { nowMs: number; newKey(): Uint8Array },
): EntryBody<"key">[] {
  const grant = (part: Partial<EntryBody<"key">> & { name: string }): EntryBody<"key"> => ({
    public_key: toBase64Url(at.newKey()),
    holder: "program",
    scopes: ["models"],
    capabilities: null,
    devices: null,
    until: null,
    ...part,
  });
  return [
    grant({ name: "editor" }),
    grant({
      name: "backup of the night",
      scopes: ["capabilities", "read", "share"],
      capabilities: ["embeddings", "x.a-capability-with-a-long-name"],
      until: at.nowMs + 30 * DAY_MS,
    }),
    grant({ name: "old-script", scopes: ["read"], until: at.nowMs - 3 * DAY_MS }),
    grant({
      name: "anna",
      holder: "owner",
      scopes: ["capabilities"],
      capabilities: ["llm.chat"],
      devices: [toBase64Url(home)],
      until: at.nowMs + 90 * DAY_MS,
    }),
    grant({
      name: "bens-laptop",
      holder: "device",
      scopes: ["capabilities"],
      capabilities: ["embeddings", "llm.chat"],
      devices: [toBase64Url(home), toBase64Url(at.newKey())].toSorted(),
    }),
  ];
}
