// Calls of the local API about those this device is paired with: pairing, messages, files.
import { z } from "zod";
import { RELAY_MESSAGE_MAX_BYTES } from "./limits.ts";
import { errorBody } from "./command-messages.ts";
import { deviceKind } from "./views.ts";
import { reference } from "./local-reference.ts";

const peerView = z.object({
  id: z.string(),
  /** What it is called here. */
  name: z.string(),
  /** What it calls itself. */
  nickname: z.string(),
  kind: deviceKind,
  /** Five words to compare. */
  safety: z.string(),
  trust: z.enum(["paired", "compared"]),
  state: z.enum(["pinned", "paired", "unrelayed"]),
  since: z.iso.datetime(),
});
const petname = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[^\p{C}\p{Zl}\p{Zp}]*$/u);
const mailbox = z.string().min(1).max(8);
const peerAnswer = z.object({ peer: peerView });
/** A file that is too large for a message, on its way to a paired device. */
const fileSendView = z.object({
  id: z.string(),
  /** What the device is called here; its id when it is paired no more. */
  to: z.string(),
  name: z.string(),
  size: z.number(),
  /** That have gone. */
  bytes: z.number(),
  state: z.enum(["queued", "sending", "delivered", "failed", "cancelled"]),
  sha256: z.string().optional(),
  /** What ended it. */
  problem: errorBody.optional(),
  /** Why it does not go now. */
  waits: z.string().optional(),
});
/** One that comes. `waiting`: for its sender to go on. */
const fileArriving = z.object({
  id: z.string(),
  from: z.string(),
  at: z.iso.datetime(),
  name: z.string(),
  size: z.number(),
  bytes: z.number(),
  state: z.enum(["arriving", "waiting"]),
});

export const PEER_CALLS = {
  /** `reach` "owner": only devices of the same owner can join, and no stranger can spend the code. */
  pair_make: {
    request: z.object({
      name: petname.optional(),
      verified: z.boolean(),
      reach: z.enum(["anyone", "owner"]),
    }),
    response: z.object({
      mailbox,
      code: z.string(),
      link: z.string(),
      expires_at: z.iso.datetime(),
    }),
  },
  /** `peer` null: not yet; ask again. */
  pair_wait: { request: z.object({ mailbox }), response: z.object({ peer: peerView.nullable() }) },
  pair_cancel: { request: z.object({ mailbox }), response: z.object({}) },
  pair_join: {
    request: z.object({ code: z.string().max(512), name: petname.optional(), verified: z.boolean() }),
    response: peerAnswer,
  },
  /** `leaving`: those that are not told yet that their pairing is over. */
  peers: {
    request: z.object({}),
    response: z.object({ peers: z.array(peerView), leaving: z.number().optional() }),
  },
  peer_unpair: { request: z.object({ device: reference }), response: peerAnswer },
  peer_name: {
    /** Without a name: after what it calls itself. */
    request: z.object({ device: reference, name: petname.optional() }),
    response: z.object({ peer: peerView, from: z.string() }),
  },
  peer_verify: { request: z.object({ device: reference }), response: peerAnswer },
  /** `text`, or the absolute path of a `file`. */
  send: {
    request: z.object({
      device: reference,
      text: z.string().max(RELAY_MESSAGE_MAX_BYTES).optional(),
      file: z.string().max(4096).optional(),
    }),
    response: z.object({
      id: z.string(),
      to: z.string(),
      state: z.enum(["queued", "relayed", "delivered", "dropped"]),
      /** It is too large for a message: see how far it is by `file_send`. */
      file: fileSendView.optional(),
    }),
  },
  /** By the id that `send` gave, or the beginning of one. */
  file_send: { request: z.object({ id: reference }), response: fileSendView },
  /** What waits, and what has ended lately. */
  file_sends: { request: z.object({}), response: z.object({ items: z.array(fileSendView) }) },
  file_cancel: { request: z.object({ id: reference }), response: fileSendView },
  /** Turns away one that is on its way here; its sender is told. */
  file_refuse: {
    request: z.object({ id: reference }),
    response: z.object({ id: z.string(), name: z.string() }),
  },
  /** In order, after a position. `wait`: up to five seconds, where there is nothing yet. */
  inbox: {
    request: z.object({ after: z.number().int().nonnegative(), unread: z.boolean(), wait: z.boolean() }),
    response: z.object({
      items: z.array(
        z.object({
          position: z.number(),
          id: z.string(),
          from: z.string(),
          at: z.iso.datetime(),
          text: z.string().optional(),
          file: z
            .object({ name: z.string(), size: z.number(), sha256: z.string(), path: z.string() })
            .optional(),
        }),
      ),
      /** Large files that are on their way here. */
      arriving: z.array(fileArriving),
    }),
  },
  inbox_read: { request: z.object({ up_to: z.number().int().nonnegative() }), response: z.object({}) },
} as const;

export type FileSendView = z.infer<typeof fileSendView>;
export type FileArriving = z.infer<typeof fileArriving>;
