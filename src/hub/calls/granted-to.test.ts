import { expect, test } from "bun:test";
import type { Signer } from "../../identity/crypto.ts";
import { appendEntry, beginLog } from "../../identity/owner-log.ts";
import { begun, crypto, home, member, newKey, newSigner, NOW } from "../../identity/owner-log.fixture.ts";
import { toBase64Url } from "../../protocol/bytes.ts";
import type { EntryBody } from "../../protocol/owner-log.ts";
import { grantedTo } from "./granted-to.ts";

const mate = newSigner();
const tablet = newSigner();
const about = { name: "mate", kind: "laptop", platform: "linux-x86_64", link_key: newKey() } as const;
const mates = await appendEntry(crypto, await beginLog(crypto, mate, about), {
  kind: "member",
  body: member(tablet),
  signer: mate,
});
const [OURS, MATES] = [toBase64Url(begun.id), toBase64Url(mates.id)];
const gpu = newKey();
const body: EntryBody<"key"> = {
  public_key: MATES,
  name: "Mate",
  holder: "owner",
  scopes: ["models"],
  capabilities: null,
  devices: [gpu],
  until: NOW + 1,
};
const known = new Map([
  [OURS, await appendEntry(crypto, begun, { kind: "key", body, signer: home })],
  [MATES, mates],
]);
const logs = {
  granting: (grantee: string) =>
    [...known].flatMap(([root, log]) => (log.grantees().includes(grantee) ? [root] : [])),
  get: (root: string) => known.get(root),
};
const granted = (of: Signer, log: string, protocol = "llm.chat", at = NOW) =>
  grantedTo(logs, { key: toBase64Url(of.publicKey), log, protocol }, at);

test("what an owner was let use is for who stands in their log and asks by it, until its time", () => {
  const there = [{ root: OURS, devices: [gpu] }];
  expect(granted(mate, MATES)).toEqual(there);
  expect(granted(tablet, MATES)).toEqual(there);
  expect(granted(tablet, MATES, "x.own")).toEqual([]);
  expect(granted(tablet, MATES, "llm.chat", NOW + 1)).toEqual([]);
  expect(granted(tablet, OURS)).toEqual([]);
  expect(granted(newSigner(), MATES)).toEqual([]);
  expect(granted(home, MATES)).toEqual([]);
});
