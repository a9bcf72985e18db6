import { afterAll, beforeAll, expect, test } from "bun:test";
import { seededCrypto } from "../../identity/crypto.fixture.ts";
import { nodeDhKey, nodeSessionCrypto } from "../../identity/sealed/session-crypto-node.ts";
import { SILENT_LOG } from "../../protocol/log.ts";
import type { Store } from "../../store/open-store.ts";
import { realWorld } from "../../world/real.ts";
import type { StateDatabase } from "../state-migrations.ts";
import { FakeHub, stateStore, TestTime, until } from "../testing.ts";
import { FileSends, type FileSendsOptions } from "./file-sends.ts";
import { findSend, queueSend } from "./send-rows.ts";

const crypto = seededCrypto("file sends");
const LINK = {
  crypto: nodeSessionCrypto(crypto),
  identityKey: crypto.ed25519Signer(crypto.randomBytes(32)).publicKey,
  linkKey: nodeDhKey(crypto, crypto.randomBytes(32)),
};

let store: Store<StateDatabase>;
let made = 0;

beforeAll(async () => {
  store = await stateStore(realWorld);
});

afterAll(() => store.close());

/** Of a file to a device that is paired no more, unless `linkKeyOf` says otherwise: it ends when it is looked at. */
function setting(change: Partial<FileSendsOptions> = {}) {
  const hub = new FakeHub();
  const time = new TestTime();
  const sends = new FileSends({
    db: store.db,
    clock: time,
    timers: time,
    disk: realWorld.disk,
    log: SILENT_LOG,
    link: LINK,
    hub,
    linkKeyOf: async () => undefined,
    changed() {},
    lost: async () => () => {},
    ...change,
  });
  return { hub, sends };
}

async function queued(path = "/nowhere"): Promise<string> {
  const id = `file-${(made += 1)}`;
  const file = { name: "f", size: 1, modified_at: 0, inode: 1 };
  await queueSend(store.db, { id, peer: `peer-${made}`, path, ...file, created_at: made });
  return id;
}

const stateOf = async (id: string) => (await findSend(store.db, id))?.state;

test("a session that begins in any turn of a look that found none has its own look", async () => {
  for (let turns = 0; turns < 12; turns++) {
    const { hub, sends } = setting();
    const id = await queued();
    sends.look();
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    hub.connect();
    sends.back();
    await until(async () => (await stateOf(id)) === "failed").catch(() => {});
    expect({ turns, state: await stateOf(id) }).toEqual({ turns, state: "failed" });
    await sends.close();
  }
});

test("what is taken back while it begins is not read any more", async () => {
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<Uint8Array>();
  const read: string[] = [];
  let changes = 0;
  const open = (path: string): Promise<never> => {
    read.push(path);
    return Promise.reject(new Error("nothing is there"));
  };
  const { hub, sends } = setting({
    disk: { ...realWorld.disk, open },
    linkKeyOf() {
      asked.resolve();
      return answer.promise;
    },
    changed: () => void (changes += 1),
  });
  hub.connect();
  const id = await queued("/some/file");
  sends.look();
  await asked.promise;
  expect(await sends.cancel(id)).toBe(true);
  answer.resolve(LINK.linkKey.publicKey);
  // Taken back, and over.
  await until(() => changes === 2);
  expect({ read, state: await stateOf(id) }).toEqual({ read: [], state: "cancelled" });
  await sends.close();
});
