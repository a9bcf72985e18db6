// What two paired devices say to each other besides what people send: sealed, signed and numbered like
// everything else, so that no hub can say it for them.
import { z } from "zod";
import { fromUtf8, utf8 } from "./bytes.ts";
import { pairingSide } from "./pairing-messages.ts";

export const KINDS = ["text", "file", "control"] as const;
export type MessageKind = (typeof KINDS)[number];

/** Numbers asked for, or given up, in one message. */
export const RANGE_MAX = 1_000;

const epoch = z.string().regex(/^[A-Za-z0-9_-]{21}[AQgw]$/);
const sequence = z.number().int().min(1).max(Number.MAX_SAFE_INTEGER);
const told = {
  receive_key: z.string().regex(/^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/),
  /** Higher with each key of this device: one that comes late takes no newer one's place. */
  made_at: z.number().int().nonnegative(),
};

const control = z.discriminatedUnion("do", [
  /** These of your numbers have not come, or could not be opened. */
  z.object({ do: z.literal("resend"), epoch, from: sequence, to: sequence, ...told }),
  /** These of my numbers are gone: do not wait for them. */
  z.object({
    do: z.literal("resync"),
    epoch,
    lost: z.array(z.tuple([sequence, sequence])).max(RANGE_MAX),
  }),
  /** Seal to this from now on. */
  z.object({ do: z.literal("receive_key"), ...told }),
  /** I call myself this now: news for a person, and for nothing else. */
  z.object({ do: z.literal("nickname"), nickname: pairingSide.shape.nickname }),
  /** Forget me. */
  z.object({ do: z.literal("unpair") }),
]);

export type Control = z.infer<typeof control>;

export function encodeControl(message: Control): Uint8Array {
  return utf8(JSON.stringify(message));
}

/** Undefined for what this version does not know. */
export function readControl(body: Uint8Array): Control | undefined {
  try {
    const read = control.safeParse(JSON.parse(fromUtf8(body) ?? ""));
    return read.success ? read.data : undefined;
  } catch {
    return undefined; // no JSON, so nothing that is known
  }
}
