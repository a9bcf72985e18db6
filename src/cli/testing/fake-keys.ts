// The keys of a fleet: one of a program, one that is over, one grant to an owner and one to a device of someone else.
import type { LocalRequest, LocalResponse } from "../../protocol/local-api.ts";
import { MusterError } from "../../protocol/errors.ts";
import { STARTED_AT } from "./fake-timers.ts";

type KeyView = LocalResponse<"keys">["items"][number];

const EDITOR: KeyView = {
  id: "abcdefg-hijklmn-opqrstu-vwxyz22",
  name: "editor",
  holder: "program",
  scopes: ["models"],
  capabilities: null,
  devices: null,
  expires_at: null,
  expired: false,
};

/** Of somebody else's log. */
const OWNER_ID = "cem".padEnd(42, "o") + "A";

const ITEMS: KeyView[] = [
  EDITOR,
  {
    ...EDITOR,
    name: "sync",
    scopes: ["capabilities", "read"],
    capabilities: ["embeddings"],
    expires_at: new Date(STARTED_AT - 60_000).toISOString(),
    expired: true,
  },
  {
    ...EDITOR,
    id: OWNER_ID,
    name: "cem",
    holder: "owner",
    scopes: ["capabilities"],
    capabilities: ["llm.chat"],
    devices: ["gpu"],
  },
  {
    ...EDITOR,
    name: "annas-laptop",
    holder: "device",
    scopes: ["capabilities"],
    capabilities: ["llm.chat"],
    devices: ["gpu"],
    expires_at: new Date(STARTED_AT + 30 * 86_400_000).toISOString(),
  },
];

export const FAKE_KEYS = {
  keys: () => ({ items: ITEMS }),
  key_create: (_: unknown, request: LocalRequest<"key_create">) => {
    const { name, scopes, capabilities = null, expires_in_ms: ms } = request;
    const expires_at = ms === undefined ? null : new Date(STARTED_AT + ms).toISOString();
    return { key: { ...EDITOR, name, scopes, capabilities, expires_at }, token: `mk1_${"k".repeat(43)}` };
  },
  key_revoke: (_: unknown, { key }: LocalRequest<"key_revoke">) => {
    const found = ITEMS.find(({ name }) => name === key);
    if (found !== undefined) return { key: found };
    throw new MusterError("not_found", `there is no key "${key}"`, { hint: "see them: muster key ls" });
  },
  grant: (_: unknown, { device, to, name = to, capabilities }: LocalRequest<"grant">) => {
    if (to === "nobody") {
      throw new MusterError("not_found", 'this device is paired with no "nobody"', {
        hint: "pair the two first: muster pair; or let all their devices use it: name an owner by the owner id that `muster device owners` shows on the other side",
      });
    }
    const whom =
      to === OWNER_ID ? { id: to, name, holder: "owner" as const } : { name: to, holder: "device" as const };
    return { key: { ...EDITOR, ...whom, scopes: ["capabilities"], capabilities, devices: [device] } };
  },
};
