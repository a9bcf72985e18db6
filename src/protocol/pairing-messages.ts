// What two devices say to each other in a pairing. The hub carries these and understands none of them.
//
//   joiner                                             maker
//   0 join    {way, session}                   ->
//                                              <-      1 offer    {session, share, side}
//   2 answer  {share, side, tag, signature}    ->      spends the maker's code, whatever it is
//                                              <-      3 confirm  {tag, signature}
//
// Both halves of `session` go into the first step of the exchange, so the joiner's comes before the maker's
// share. An offer may follow each join; of everything after it there is one. Only 3 is ever sent again.

import { z } from "zod";
import { deviceKind } from "./views.ts";

/** By typed letters or by the link behind the QR code. */
export const PAIRING_WAYS = ["code", "qr"] as const;
export type PairingWay = (typeof PAIRING_WAYS)[number];

/** What a device calls itself, in characters. */
export const NICKNAME_MAX = 64;

// Base64url of so many bytes, in the one form that those bytes have.
const bytes16 = z.string().regex(/^[A-Za-z0-9_-]{21}[AQgw]$/);
const bytes32 = z.string().regex(/^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/);
const bytes64 = z.string().regex(/^[A-Za-z0-9_-]{85}[AQgw]$/);

/** Everything that the other side pins. */
export const pairingSide = z.object({
  /** Ed25519. */
  identity_key: bytes32,
  /** X25519, for live sessions. */
  link_key: bytes32,
  /** X25519, for the first sealed message. */
  receive_key: bytes32,
  /** No control characters, nothing that hides or turns around the letters beside it. */
  nickname: z
    .string()
    .min(1)
    .max(NICKNAME_MAX)
    .regex(/^[^\p{C}\p{Zl}\p{Zp}]*$/u),
  kind: deviceKind,
});

export const pairingJoin = z.object({ step: z.literal(0), way: z.enum(PAIRING_WAYS), session: bytes16 });
export const pairingOffer = z.object({
  step: z.literal(1),
  session: bytes16,
  /** Ya. */
  share: bytes32,
  side: pairingSide,
});
export const pairingAnswer = z.object({
  step: z.literal(2),
  /** Yb. */
  share: bytes32,
  side: pairingSide,
  tag: bytes64,
  signature: bytes64,
});
export const pairingConfirm = z.object({ step: z.literal(3), tag: bytes64, signature: bytes64 });

export type PairingSide = z.infer<typeof pairingSide>;
export type PairingJoin = z.infer<typeof pairingJoin>;
export type PairingOffer = z.infer<typeof pairingOffer>;
export type PairingAnswer = z.infer<typeof pairingAnswer>;
export type PairingConfirm = z.infer<typeof pairingConfirm>;
