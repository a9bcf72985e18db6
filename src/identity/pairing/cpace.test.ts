import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { concat, fromHex, toHex, utf8 } from "../../protocol/bytes.ts";
import { seededCrypto } from "../crypto.fixture.ts";
import { vectors } from "../vectors.fixture.ts";
import { cpaceKey, generatorOf, makeShare, multiplyChecked, shareOf } from "./cpace.ts";
import type { CpaceInput } from "./cpace.ts";

interface DraftVectors {
  G_Coffee25519: Record<
    "PRS" | "CI" | "sid" | "g" | "ya" | "ADa" | "Ya" | "yb" | "ADb" | "Yb" | "K" | "ISK_IR",
    string
  >;
  G_Coffee25519_points: {
    Valid: Record<"s" | "X" | "G.scalar_mult_vfy(s,X)", string>;
    "Invalid Y1": string;
    "Invalid Y2": string;
  };
}

function hex(text: string): Uint8Array {
  const bytes = fromHex(text.toLowerCase());
  if (bytes === undefined) throw new Error(`"${text}" is not hex`);
  return bytes;
}

function scalar(text: string): bigint {
  return BigInt(`0x${toHex(hex(text).toReversed())}`);
}

// A wrong shape fails at its first use.
const draft = vectors("cpace_ristretto255.json") as DraftVectors | undefined;

test.skipIf(draft === undefined)("the draft's run gives the draft's key (MUSTER_VECTORS)", () => {
  const v = draft?.G_Coffee25519;
  if (v === undefined) throw new Error("the vectors are gone");
  const input: CpaceInput = { secret: hex(v.PRS), channel: hex(v.CI), session: hex(v.sid) };
  expect(toHex(generatorOf(input).toBytes())).toBe(v.g.toLowerCase());
  const a = { scalar: scalar(v.ya), share: shareOf(scalar(v.ya), input) };
  const b = { scalar: scalar(v.yb), share: shareOf(scalar(v.yb), input) };
  expect([toHex(a.share), toHex(b.share)]).toEqual([v.Ya.toLowerCase(), v.Yb.toLowerCase()]);
  expect(toHex(multiplyChecked(a.scalar, b.share) ?? new Uint8Array(0))).toBe(v.K.toLowerCase());
  const initiator = { share: a.share, data: hex(v.ADa) };
  const responder = { share: b.share, data: hex(v.ADb) };
  const keys = [
    cpaceKey(a, input.session, { initiator, responder, theirs: "responder" }),
    cpaceKey(b, input.session, { initiator, responder, theirs: "initiator" }),
  ].map((key) => toHex(key ?? new Uint8Array(0)));
  expect(keys).toEqual([v.ISK_IR.toLowerCase(), v.ISK_IR.toLowerCase()]);
});

test.skipIf(draft === undefined)("the draft's points: one is fine, two abort (MUSTER_VECTORS)", () => {
  const v = draft?.G_Coffee25519_points;
  if (v === undefined) throw new Error("the vectors are gone");
  const s = scalar(v.Valid.s);
  const product = multiplyChecked(s, hex(v.Valid.X));
  expect(toHex(product ?? new Uint8Array(0))).toBe(v.Valid["G.scalar_mult_vfy(s,X)"].toLowerCase());
  expect(multiplyChecked(s, hex(v["Invalid Y1"]))).toBeUndefined();
  expect(multiplyChecked(s, hex(v["Invalid Y2"]))).toBeUndefined();
});

test("the draft's generator and first share (draft-irtf-cfrg-cpace-21)", () => {
  const input: CpaceInput = {
    secret: utf8("Password"),
    channel: concat(Uint8Array.of(11), utf8("A_initiator"), Uint8Array.of(11), utf8("B_responder")),
    session: hex("7e4b4791d6a8ef019b936c79fb7f2c57"),
  };
  const g = "222b6b195fe84b1652badb6f6a3ae3d24341e7306967f0b8115b40d5698c7e56";
  expect(toHex(generatorOf(input).toBytes())).toBe(g);
  const ya = scalar("da3d23700a9e5699258aef94dc060dfda5ebb61f02a5ea77fad53f4ff0976d08");
  const share = "d6bac480f2c386c394efc7c47adb9925dcd2630b64f240c50f8d0eec482b9157";
  expect(toHex(shareOf(ya, input))).toBe(share);
});

test("a point that is no element, or the neutral one, aborts the run", () => {
  const crypto = seededCrypto("abort");
  const input: CpaceInput = { secret: utf8("ABCD"), channel: utf8("c"), session: utf8("s") };
  const own = makeShare(crypto.randomBytes, input);
  const bad = [
    new Uint8Array(32), // neutral
    hex("2b3c6b8c4f3800e7aef6864025b4ed79bd599117e427c41bd47d93d654b4a51c"), // the draft's, not an element
    new Uint8Array(32).fill(0xff), // not canonical
    own.share.subarray(1),
    concat(own.share, Uint8Array.of(0)),
    new Uint8Array(0),
  ];
  for (const share of bad) {
    const initiator = { share: own.share, data: utf8("a") };
    const responder = { share, data: utf8("b") };
    expect(cpaceKey(own, input.session, { initiator, responder, theirs: "responder" })).toBeUndefined();
  }
});

test("both sides agree exactly when secret, channel, session and data are the same", () => {
  const crypto = seededCrypto("agree");
  const part = fc.uint8Array({ minLength: 1, maxLength: 200 });
  const change = fc.constantFrom("none", "secret", "channel", "session", "data", "share");
  fc.assert(
    fc.property(part, part, part, part, change, (secret, channel, session, data, changed) => {
      const ours: CpaceInput = { secret, channel, session };
      const other = (name: string, bytes: Uint8Array): Uint8Array =>
        changed === name ? concat(bytes, Uint8Array.of(1)) : bytes;
      const theirs: CpaceInput = {
        secret: other("secret", secret),
        channel: other("channel", channel),
        session: other("session", session),
      };
      const a = makeShare(crypto.randomBytes, ours);
      const b = makeShare(crypto.randomBytes, theirs);
      const swapped = changed === "share" ? makeShare(crypto.randomBytes, ours) : b;
      const keyA = cpaceKey(a, ours.session, {
        initiator: { share: a.share, data },
        responder: { share: swapped.share, data: utf8("b") },
        theirs: "responder",
      });
      const keyB = cpaceKey(b, theirs.session, {
        initiator: { share: a.share, data: other("data", data) },
        responder: { share: b.share, data: utf8("b") },
        theirs: "initiator",
      });
      expect(keyA?.length).toBe(64);
      expect(toHex(keyA ?? new Uint8Array(0)) === toHex(keyB ?? new Uint8Array(0))).toBe(changed === "none");
    }),
    { seed: 3, numRuns: 60 },
  );
});
