import { expect, test } from "bun:test";
import { seededCrypto } from "../../identity/crypto.fixture.ts";
import { nodeDhKey, nodeSessionCrypto } from "../../identity/sealed/session-crypto-node.ts";
import { SILENT_LOG } from "../../protocol/log.ts";
import { realWorld } from "../../world/real.ts";
import { MemoryStream } from "../sessions/memory-stream.fixture.ts";
import { stateStore, TestTime, until } from "../testing.ts";
import { FileArrivals } from "./file-arrivals.ts";
import type { ReceivedPlace } from "./received-place.ts";

const crypto = seededCrypto("file arrivals");

test("what comes while the remains of a crash are tidied away waits, and is not taken for one of them", async () => {
  const store = await stateStore(realWorld);
  const time = new TestTime();
  const listed = Promise.withResolvers<[]>();
  const did: string[] = [];
  const place: Pick<ReceivedPlace, "among" | "tidy"> = {
    among: () => listed.promise,
    tidy: async () => void did.push("tidied"),
  };
  const arrivals = new FileArrivals({
    db: store.db,
    clock: time,
    timers: time,
    log: SILENT_LOG,
    link: {
      crypto: nodeSessionCrypto(crypto),
      identityKey: crypto.ed25519Signer(crypto.randomBytes(32)).publicKey,
      linkKey: nodeDhKey(crypto, crypto.randomBytes(32)),
    },
    // Nothing gets as far as the rest of it here.
    place: place as ReceivedPlace,
    async linkKeyOf() {
      did.push("looked up");
      return undefined;
    },
    changed() {},
  });
  const recovered = arrivals.recover();
  const stream = new MemoryStream();
  stream.adopt(arrivals.open(stream, new Uint8Array(32)));
  listed.resolve([]);
  await recovered;
  await until(() => did.length === 2);
  expect(did).toEqual(["tidied", "looked up"]);
  await arrivals.close();
  await store.close();
});
