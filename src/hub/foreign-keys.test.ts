import { expect, test } from "bun:test";
import {
  begun,
  controller,
  crypto,
  full,
  home,
  laptop,
  member,
  newKey,
  newSigner,
  pi,
} from "../identity/owner-log.fixture.ts";
import { appendEntry, beginLog, type NewEntry } from "../identity/owner-log.ts";
import { toBase64Url } from "../protocol/bytes.ts";
import type { OwnerLogEntry } from "../protocol/owner-log.ts";
import { demandOwnKey } from "./foreign-keys.ts";

const mallory = newSigner();
const about = { name: "mallory", kind: "laptop", platform: "linux-x86_64", link_key: newKey() } as const;
const evil = await beginLog(crypto, mallory, about);
const program = newSigner();
const grant = (by: typeof home, holder: "program" | "device", of = program): NewEntry => ({
  kind: "key",
  body: {
    public_key: toBase64Url(of.publicKey),
    name: "editor",
    holder,
    scopes: ["models"],
    capabilities: null,
    devices: null,
    until: null,
  },
  signer: by,
});
const own = await appendEntry(crypto, full, grant(home, "program"));

async function problem(entry: NewEntry): Promise<string> {
  const last = (await appendEntry(crypto, evil, entry)).entries.at(-1) as OwnerLogEntry;
  try {
    demandOwnKey(() => [own], last);
    return "none";
  } catch (error) {
    return String((error as { code?: string }).code);
  }
}

test("a key of another owner at the hub can't be made one's own, nor a program of it", async () => {
  expect(await problem({ kind: "member", body: member(pi), signer: mallory })).toBe("forbidden");
  expect(await problem({ kind: "controller", body: controller(laptop), signer: mallory })).toBe("forbidden");
  expect(await problem(grant(mallory, "program"))).toBe("forbidden");
  expect(await problem({ kind: "member", body: member(newSigner()), signer: mallory })).toBe("none");
  // What one owner lets another's device use is no claim to it.
  expect(await problem(grant(mallory, "device", pi))).toBe("none");
});

test("a second log of one key is refused", () => {
  const [first] = begun.entries;
  expect(() => demandOwnKey(() => [evil], first as OwnerLogEntry)).not.toThrow();
  expect(() => demandOwnKey(() => [full], first as OwnerLogEntry)).toThrow("another owner");
});
