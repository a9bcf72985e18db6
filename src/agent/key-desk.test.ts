import { expect, test } from "bun:test";
import { deviceIdOf } from "../protocol/ids.ts";
import { crypto, begun, forge, home, newKey, newSigner, NOW } from "../identity/owner-log.fixture.ts";
import { extendLog, type OwnerLog } from "../identity/owner-log.ts";
import { canonicalJson } from "../protocol/canonical-json.ts";
import { toBase64Url } from "../protocol/bytes.ts";
import { MusterError } from "../protocol/errors.ts";
import { KeyDesk } from "./key-desk.ts";

const HOUR_MS = 3_600_000;
const peers = { ben: newSigner(), cleo: newSigner(), home };

function desk(from: OwnerLog = begun) {
  const state = { log: from, now: NOW };
  const device = { id: deviceIdOf(crypto.sha256(home.publicKey)), name: "home" };
  const rename = (name: string): void => void (device.name = name);
  const made = new KeyDesk({
    clock: { now: () => state.now, monotonic: () => 0 },
    crypto,
    signer: home,
    hub: {
      // The picture of the fleet is asked for the names; else an entry is told, which is checked below.
      request: (message: { type: string }) =>
        Promise.resolve(message.type === "fleet_get" ? { fleet: { devices: [device] } } : {}),
    } as unknown as ConstructorParameters<typeof KeyDesk>[0]["hub"], // of which two messages are used
    book: {
      get log() {
        return state.log;
      },
      problem: () => undefined,
      fetch: () => Promise.resolve(),
      async take(entries) {
        state.log = extendLog(crypto, state.log, entries);
      },
    },
    peerKey: (name) => {
      const peer = name === "ben" || name === "cleo" || name === "home" ? peers[name] : undefined;
      if (peer === undefined) return Promise.reject(new MusterError("not_found", "no such peer"));
      return Promise.resolve({ name, publicKey: peer.publicKey });
    },
  });
  const grant = (to: string, capabilities: string[], expires_in_ms?: number) =>
    made.grant({
      device: "home",
      to,
      capabilities,
      ...(expires_in_ms === undefined ? {} : { expires_in_ms }),
    });
  return { made, state, grant, rename };
}

test("another's device is let use something else, is shut out, and let in again", async () => {
  const { made, grant } = desk();
  await grant("ben", ["llm.chat"]);
  await grant("ben", ["embeddings"], HOUR_MS);
  expect((await made.show()).items).toMatchObject([
    { name: "ben", capabilities: ["embeddings"], devices: ["home"] },
  ]);
  await made.revoke({ key: "ben" });
  expect((await made.show()).items).toEqual([]);
  await grant("ben", ["llm.chat"]);
  expect((await made.show()).items).toMatchObject([
    { name: "ben", capabilities: ["llm.chat"], expired: false },
  ]);
});

test("a device is shown by its name of today", async () => {
  const { made, grant, rename } = desk();
  await grant("ben", ["llm.chat"]);
  rename("attic");
  expect((await made.show()).items).toMatchObject([{ name: "ben", devices: ["attic"] }]);
});

test("an owner is let use something by the id of their log, under a name or a part of it", async () => {
  const { made, grant, state } = desk();
  const [anna, cem] = [newKey(), newKey()];
  await grant(anna, ["llm.chat"]);
  await made.grant({ device: "home", to: cem, name: "Cem", capabilities: ["llm.chat"] });
  // The name stays where none is said, and is enough once it is known.
  await grant(cem, ["embeddings"]);
  await grant("Cem", ["embeddings"], HOUR_MS);
  expect((await made.show()).items).toMatchObject([
    { id: anna, name: `owner ${anna.slice(0, 8)}`, holder: "owner", capabilities: ["llm.chat"] },
    { id: cem, name: "Cem", holder: "owner", capabilities: ["embeddings"], devices: ["home"] },
  ]);
  expect(await refused(made.create({ name: "Cem", scopes: ["models"] }))).toBe("name_taken");
  expect(await refused(made.revoke({ key: anna.slice(0, 6) }))).toBe("not_found");
  await made.revoke({ key: anna.slice(0, 9) });
  await made.revoke({ key: "Cem" });
  expect((await made.show()).items).toEqual([]);
  expect(await refused(grant(toBase64Url(state.log.id), ["llm.chat"]))).toBe("usage");
  const named = made.grant({ device: "home", to: "ben", name: "Ben", capabilities: ["llm.chat"] });
  expect(await refused(named)).toBe("usage");
  await made.grant({ device: "home", to: anna, name: "ben", capabilities: ["llm.chat"] });
  expect(await refused(grant("ben", ["llm.chat"]))).toBe("ambiguous");
});

test("a device of the same owner is told that it needs no grant", async () => {
  const { made, grant } = desk();
  expect(await refused(grant("home", ["llm.chat"]))).toBe("usage");
  expect((await made.show()).items).toEqual([]);
});

test("who is not known may be paired with, or named by the id of their log", async () => {
  const { made, grant } = desk();
  const hintOf = (trial: Promise<unknown>): Promise<string> =>
    trial.then(
      () => "granted",
      (error: unknown) => (error instanceof MusterError ? (error.hint ?? "") : String(error)),
    );
  const whereSeen = "the owner id that `muster device owners` shows on the other side";
  expect(await refused(grant("nobody", ["llm.chat"]))).toBe("not_found");
  expect(await hintOf(grant("nobody", ["llm.chat"]))).toContain("muster pair; or let all their devices");
  expect(await hintOf(grant("nobody", ["llm.chat"]))).toContain(whereSeen);
  const named = { device: "home", to: newKey().slice(0, 20), name: "Anna", capabilities: ["llm.chat"] };
  expect(await hintOf(made.grant(named))).toContain(whereSeen);
});

test("a name is one key's alone", async () => {
  const { made } = desk();
  await made.create({ name: "ben", scopes: ["models"] });
  expect(await refused(made.create({ name: "ben", scopes: ["models"] }))).toBe("name_taken");
  expect(await refused(made.grant({ device: "home", to: "ben", capabilities: ["llm.chat"] }))).toBe(
    "name_taken",
  );
});

test("256 keys are all there may be, and one whose time is over makes room for the next", async () => {
  let log = begun;
  for (let n = 0; n < 256; n++) {
    const body = canonicalJson({
      public_key: toBase64Url(newSigner().publicKey),
      name: `key-${n}`,
      // One that holds is in no danger, whatever it is for.
      holder: n === 3 ? "owner" : n === 4 ? "device" : "program",
      scopes: ["models"],
      capabilities: null,
      devices: null,
      until: n === 7 ? NOW + HOUR_MS : null,
    });
    log = extendLog(crypto, log, [await forge(log, { kind: "key", body, signer: home })]);
  }
  const { made, state } = desk(log);
  expect(await refused(made.create({ name: "one more", scopes: ["models"] }))).toBe("owner_log_invalid");
  state.now += HOUR_MS;
  await made.create({ name: "one more", scopes: ["models"] });
  const names = (await made.show()).items.map(({ name }) => name);
  expect(names).toHaveLength(256);
  expect(names).toContain("one more");
  expect(names).not.toContain("key-7");
}, 20_000);

test("16 owners are all there may be, and one whose time is over makes room, never one whose time is not", async () => {
  const { made, state, grant } = desk();
  const owners = Array.from({ length: 16 }, () => newKey());
  for (const [n, id] of owners.entries()) await grant(id, ["llm.chat"], n === 7 ? HOUR_MS : undefined);
  const next = newKey();
  expect(await refused(grant(next, ["llm.chat"]))).toBe("owner_log_invalid");
  state.now += HOUR_MS;
  await grant(next, ["llm.chat"]);
  const ids = (await made.show()).items.map(({ id }) => id);
  expect(ids.toSorted()).toEqual([...owners.filter((_, n) => n !== 7), next].toSorted());
});

/** The code of the refusal. */
function refused(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "nothing",
    (error: unknown) => (error instanceof MusterError ? error.code : String(error)),
  );
}
