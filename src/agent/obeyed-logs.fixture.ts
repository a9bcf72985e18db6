// Owner logs as they are known, without a hub or a disk, for the tests of those who check keys by them.
import type { Signer } from "../identity/crypto.ts";
import { crypto, HUB_KEY, member, newKey, newSigner, NOW } from "../identity/owner-log.fixture.ts";
import { appendEntry, beginLog, type OwnerLog } from "../identity/owner-log.ts";
import { makeShareClaim, makeShareOffer, offerOf, takeShared } from "../identity/share-token.ts";
import { toBase64Url } from "../protocol/bytes.ts";
import { ObeyedLogs } from "./obeyed-logs.ts";

function known(log: OwnerLog) {
  return {
    log,
    seen: log,
    problem: () => undefined,
    take: () => Promise.resolve(),
    fetch: () => Promise.resolve(),
    load: () => Promise.resolve(),
  };
}

/** Of a device with this key; `others` are the logs that its hub has beside its own owner's. */
export async function knownLogs(
  log: OwnerLog,
  publicKey: Uint8Array,
  others: readonly OwnerLog[] = [],
): Promise<ObeyedLogs> {
  const logs = new ObeyedLogs({
    ownerRoot: toBase64Url(log.id),
    publicKey,
    own: known(log),
    open: (root) => known(others.find(({ id }) => toBase64Url(id) === root) ?? log),
  });
  await logs.look();
  return logs;
}

/** The device is shared with an owner whose controller is `mate`, and whose `member` commands nothing. */
export async function sharedWith(given: {
  owner: OwnerLog;
  admin: Signer;
  device: Signer;
  member?: Signer;
}): Promise<{ logs: ObeyedLogs; shared: OwnerLog; theirs: OwnerLog; mate: Signer; ended: OwnerLog }> {
  const { owner, admin, device } = given;
  const mate = newSigner();
  const begun = await beginLog(crypto, mate, {
    name: "mate",
    kind: "laptop",
    platform: "linux-x86_64",
    link_key: newKey(),
  });
  const joined =
    given.member === undefined
      ? begun
      : await appendEntry(crypto, begun, { kind: "member", body: member(given.member), signer: mate });
  const { publicKey } = device;
  const offered = await makeShareOffer(crypto, {
    log: owner,
    hubKey: HUB_KEY,
    device: publicKey,
    expiresAtMs: NOW,
    signer: admin,
  });
  const wish = { token: offered.token, log: offered.log, hubKey: HUB_KEY };
  const claimed = await makeShareClaim(crypto, { ...wish, owner: joined, name: "Mate" });
  const found = offerOf(crypto, wish).device;
  const taken = await takeShared(crypto, { log: joined, sharedBy: owner, device: found, signer: mate });
  const ended = await appendEntry(crypto, claimed.log, {
    kind: "share",
    body: { step: "end", device: toBase64Url(publicKey), owner: toBase64Url(joined.id) },
    signer: admin,
  });
  const logs = await knownLogs(claimed.log, publicKey, [taken.log]);
  return { logs, shared: claimed.log, theirs: taken.log, mate, ended };
}
