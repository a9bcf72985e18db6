import { expect, test } from "bun:test";
import { MusterError } from "../../protocol/errors.ts";
import type { ReceivedMessage } from "../peer.ts";
import { changed, twoPaired } from "../two-peers.fixture.ts";
import type { PeerRows } from "./store.ts";

const COUNT = 40;
const TEXTS = Array.from({ length: COUNT }, (_, at) => `text ${at}`);

/** What Ben reads of what Anna sends all at once, and how often his store was changed until then. */
async function sendAll(meddle: (rows: PeerRows) => PeerRows): Promise<{ texts: string[]; commits: number }> {
  const { anna, ben, ofAnna } = await twoPaired();
  const { store } = ben;
  const change = store.change;
  let commits = 0;
  // The first is held until all others have come, as behind a slow disk.
  const allCame = Promise.withResolvers<void>();
  store.change = async (work) => {
    commits += 1;
    await allCame.promise;
    return change((rows) => work(meddle(rows)));
  };
  const got: ReceivedMessage[] = [];
  ben.peer.onMessage((message) => void got.push(message));
  const sent = await Promise.all(TEXTS.map((text) => anna.peer.send(ofAnna.key, { text })));
  await changed(anna.peer, async () => {
    const states = await Promise.all(sent.map(({ id }) => anna.peer.sent(id)));
    return states.every((one) => one?.state === "relayed");
  });
  allCame.resolve();
  await Promise.all(sent.map(({ id }) => anna.peer.delivered(id)));
  await changed(ben.peer, () => got.length >= COUNT);
  return { texts: got.flatMap((message) => (message.type === "text" ? [message.text] : [])), commits };
}

test("messages that come together share their commits, and are read in their order", async () => {
  const { texts, commits } = await sendAll((rows) => rows);
  expect(texts).toEqual(TEXTS);
  expect(commits).toBeLessThan(COUNT / 2);
});

test("where one of them fails half-way nothing of the others is lost or doubled", async () => {
  let adds = 0;
  const { texts } = await sendAll((rows) => ({
    ...rows,
    inbox: {
      ...rows.inbox,
      add(row) {
        adds += 1;
        // The fifth is within a group; alone it goes well.
        if (adds === 5) return Promise.reject(new MusterError("storage_full", "the disk is full"));
        return rows.inbox.add(row);
      },
    },
  }));
  expect(texts).toEqual(TEXTS);
  expect(adds).toBeGreaterThan(COUNT);
});

test("a pairing that the other side has ended goes here too, though that can't be written at once", async () => {
  const { anna, ben, ofAnna } = await twoPaired();
  const { store } = ben;
  const change = store.change;
  let refusals = 0;
  store.change = (work) =>
    change((rows) => {
      const remove = (key: string): Promise<void> => {
        refusals += 1;
        if (refusals === 1) return Promise.reject(new MusterError("storage_full", "the disk is full"));
        return rows.peers.remove(key);
      };
      return work({ ...rows, peers: { ...rows.peers, remove } });
    });
  await anna.peer.unpair(ofAnna.key);
  await changed(ben.peer, async () => {
    await ben.world.advance(1_000);
    return refusals > 0 && (await ben.peer.peers()).length === 0;
  });
  expect(refusals).toBe(2);
});
