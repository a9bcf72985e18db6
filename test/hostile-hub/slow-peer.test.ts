// A device that never reads, at a real hub: what waits for it stays on the disk, and the hub no larger than it was.
import { expect, test } from "bun:test";
import { toBase64Url } from "../../src/protocol/bytes.ts";
import { Home, hubIn, memoryOf } from "../e2e/harness.ts";
import { until } from "../e2e/until.ts";
import { crypto, GuestSocket } from "./guest-socket.ts";

const MIB = 1024 * 1024;
const SILENT = 24;
/** Messages of nearly a megabyte to each. */
const ROUNDS = 5;
/** Kept in memory, the rounds after the second would be 72 MiB. */
const GROWTH_MAX_BYTES = 40 * MIB;

test("peers that take nothing of all that is sent to them cost the hub no memory, and others no message", async () => {
  await using owner = new Home();
  owner.configure(
    '[hub]\ntrusted_proxy = ["127.0.0.1"]\n\n[pairing]\nguests = true\n\n[limits]\nunproven_sockets = 500\n',
  );
  const { hub, hub_url: hubUrl } = await hubIn(owner);
  const pid = hub.process.pid ?? 0;
  let address = 0;
  const open = () => GuestSocket.open({ hubUrl, address: `10.1.0.${++address}` });
  const pairs: [GuestSocket, GuestSocket][] = [];
  try {
    for (let number = 0; number <= SILENT; number++) pairs.push(await Promise.all([open(), open()]));
    for (const [from, to] of pairs) {
      await from.request({ type: "paired", peer: keyOf(to) }, "done");
      await to.request({ type: "paired", peer: keyOf(from) }, "done");
    }
    const [last, ...others] = pairs.toReversed();
    if (last === undefined) throw new Error("there are pairs");
    for (const [, to] of others) to.pause();
    let settled = 0;
    const payload = toBase64Url(crypto.randomBytes(MIB - 1024));
    const send = ([from, to]: [GuestSocket, GuestSocket], message: string) =>
      from.request({ type: "send", to: keyOf(to), message, payload }, "relayed");
    for (let number = 0; number < ROUNDS; number++) {
      for (const pair of others) await send(pair, `m${number}`);
      if (number === 1) settled = memoryOf(pid);
    }
    // What the first rounds leave behind is the runtime's own. What later ones do is collected in its time, which on a
    // busy machine is not at once; what the hub keeps is never.
    await until("a hub no larger than it was", () => memoryOf(pid) < settled + GROWTH_MAX_BYTES, 20_000);
    // Small ones pass whoever is silent, large ones as soon as one of the silent is given up.
    const got: number[] = [];
    last[1].heard = (message) => void (message.type === "relay" && got.push(message.payload.length));
    const small = { type: "send", to: keyOf(last[1]), message: "small", payload: payload.slice(0, 1_000) };
    await last[0].request(small, "relayed");
    await until("what is small arrives", () => got.length > 0);
    expect(got).toEqual([1_000]);
  } finally {
    for (const socket of pairs.flat()) socket.close();
  }
}, 120_000);

function keyOf({ signer }: GuestSocket): string {
  return toBase64Url(signer.publicKey);
}
