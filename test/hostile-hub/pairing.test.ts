// A hub run by an enemy, and two devices that pair through it. Whatever it does, nobody pins a key that the other
// does not have, each code bears one guess, and both people are told.
import { expect, test } from "bun:test";
import { PairingJoiner } from "../../src/identity/pairing/joiner.ts";
import { PairingMaker } from "../../src/identity/pairing/maker.ts";
import type { PairingOptions } from "../../src/identity/pairing/pairing-run.ts";
import { toBase64Url } from "../../src/protocol/bytes.ts";
import { TestFleet, type TestDevice } from "../delivery/fleet.ts";

const FAILED = "pairing_failed: That did not finish. Make a new code.";
const WISH = { petname: undefined, verified: false };
const NOTHING = { type: "paired", peer: toBase64Url(new Uint8Array(32).fill(9)) } as const;

type Step = Record<string, unknown> & { step: number };
/** What the hub makes of one message of a pairing; an empty list withholds it. */
type Change = (step: Step, to: TestDevice, mailbox: string) => object[];

async function devices(fleet: TestFleet, ...names: string[]): Promise<TestDevice[]> {
  await fleet.startHub();
  const made = names.map((name) => fleet.device(name));
  for (const device of made) {
    await device.start();
    device.connect();
  }
  return made;
}

async function annaAndBen(fleet: TestFleet): Promise<[TestDevice, TestDevice]> {
  const [anna, ben] = await devices(fleet, "anna", "ben");
  if (anna === undefined || ben === undefined) throw new Error("two devices were meant");
  return [anna, ben];
}

function meddleWith(fleet: TestFleet, change: Change): void {
  fleet.meddle = (key, message) => {
    const to = fleet.devices.find((device) => device.key === key);
    if (message.type !== "pairing_message" || to === undefined) return [message];
    const said = JSON.parse(message.payload) as Step;
    if (said.step === undefined) return [message];
    return change(said, to, message.mailbox).map((one) => ({ ...message, payload: JSON.stringify(one) }));
  };
}

/** How a pairing ends for the two people, in words. */
async function outcomes(
  fleet: TestFleet,
  maker: TestDevice,
  joiner: TestDevice,
  way: "code" | "link" = "code",
): Promise<[string, string]> {
  const made = await fleet.wait(maker.life.pairing.make({ ...WISH, reach: "anyone" }));
  const told = async (outcome: Promise<unknown> | undefined): Promise<string> => {
    if (outcome === undefined) return "no pairing is under way";
    return outcome.then(
      () => "paired",
      (error: Error & { code?: string }) => `${error.code}: ${error.message}`,
    );
  };
  const ofMaker = told(maker.life.pairing.outcome(made.mailbox));
  const ofJoiner = told(joiner.life.pairing.join(made[way], WISH));
  const outcome = await fleet.wait(Promise.all([ofMaker, ofJoiner]));
  // What was tried once bears no second try, by whomever.
  if (outcome[0] === FAILED) expect(maker.life.pairing.outcome(made.mailbox)).toBeUndefined();
  return outcome;
}

async function pins(device: TestDevice): Promise<string[]> {
  return (await device.life.store.peers.list()).map(({ key }) => key);
}

const withSide = (said: Step, change: object): Step => ({
  ...said,
  side: { ...(said["side"] as object), ...change },
});

test("swaps keys for its own: nobody pins them, and both are told", async () => {
  await using fleet = new TestFleet();
  const [anna, ben] = await annaAndBen(fleet);
  const eve = fleet.crypto.ed25519Signer(fleet.crypto.randomBytes(32));
  for (const key of ["identity_key", "link_key", "receive_key"]) {
    for (const step of [1, 2]) {
      const own = { [key]: toBase64Url(eve.publicKey) };
      meddleWith(fleet, (said) => [said.step === step ? withSide(said, own) : said]);
      expect(await outcomes(fleet, anna, ben)).toEqual([FAILED, FAILED]);
    }
  }
  expect([await pins(anna), await pins(ben)]).toEqual([[], []]);
});

test("sits in the middle, with a run and a guess of its own to each side: both fail, and no key is pinned", async () => {
  await using fleet = new TestFleet();
  const [anna, ben] = await annaAndBen(fleet);
  let joiner: PairingJoiner | undefined;
  let maker: PairingMaker | undefined;
  let offered: Promise<object> | undefined;
  meddleWith(fleet, (said, to, name) => {
    if (said.step === 0 && to === anna) {
      joiner = new PairingJoiner(eveAt(fleet, name), { way: "code", letters: "2345" });
      maker = new PairingMaker(eveAt(fleet, name), { letters: "2345" });
      offered = Promise.resolve(maker.offer(said));
      return [joiner.join()];
    }
    if (said.step === 1 && to === ben) {
      void Promise.all([joiner?.answer(said), offered]).then(([answer, offer]) => {
        hear(anna, name, answer ?? {});
        hear(ben, name, offer ?? {});
      });
      return [];
    }
    return [];
  });
  expect(await outcomes(fleet, anna, ben)).toEqual([FAILED, FAILED]);
  expect([await pins(anna), await pins(ben)]).toEqual([[], []]);
});

test("withholds that a guess failed, and guesses again: nothing is answered any more", async () => {
  await using fleet = new TestFleet();
  const [anna] = await annaAndBen(fleet);
  const made = await fleet.wait(anna.life.pairing.make({ ...WISH, reach: "anyone" }));
  const outcome = anna.life.pairing.outcome(made.mailbox)?.catch((error: Error) => error.message);
  const letters = made.code.slice(-4);
  const said: Step[] = [];
  fleet.spy = (from, message) => {
    if (from === anna.key && message.type === "pairing_message") said.push(JSON.parse(message.payload));
  };
  const guess = async (guessed: string): Promise<Step | undefined> => {
    const joiner = new PairingJoiner(eveAt(fleet, made.mailbox), { way: "code", letters: guessed });
    const before = said.length;
    hear(anna, made.mailbox, joiner.join());
    await fleet.settle(400);
    const offer = said[before];
    if (offer !== undefined) hear(anna, made.mailbox, await joiner.answer(offer));
    await fleet.settle(400);
    return offer;
  };
  expect((await guess(letters === "2222" ? "3333" : "2222"))?.step).toBe(1);
  expect(await outcome).toBe("That did not finish. Make a new code.");
  // Even with the right letters, now that it is too late.
  expect(await guess(letters)).toBeUndefined();
  expect(said.map(({ step }) => step)).toEqual([1]);
  expect(await pins(anna)).toEqual([]);
});

test("withholds that a guess at the joiner failed, and offers again: the code is spent there", async () => {
  await using fleet = new TestFleet();
  const [anna, ben] = await annaAndBen(fleet);
  const answers: unknown[] = [];
  fleet.spy = (from, message) => {
    if (from === ben.key && message.type === "pairing_message") answers.push(JSON.parse(message.payload));
  };
  meddleWith(fleet, (said, to, name) => {
    if (to !== anna || said.step !== 0) return [];
    for (const letters of ["2345", "6789"]) {
      hear(ben, name, new PairingMaker(eveAt(fleet, name), { letters }).offer(said));
    }
    return [];
  });
  const [ofMaker, ofJoiner] = await outcomes(fleet, anna, ben);
  expect(ofJoiner).toBe(FAILED);
  expect(ofMaker).toBe(FAILED);
  expect(answers.filter((one) => (one as Step).step === 2).length).toBeLessThanOrEqual(1);
});

test("keeps a third side in the mailbox: only the one with the code is paired", async () => {
  await using fleet = new TestFleet();
  const [anna, ben, carla] = await devices(fleet, "anna", "ben", "carla");
  if (anna === undefined || ben === undefined || carla === undefined) throw new Error("three were meant");
  const made = await fleet.wait(anna.life.pairing.make({ ...WISH, reach: "anyone" }));
  // Everything that the maker says goes to the third one too.
  fleet.meddle = (to, message) => {
    if (message.type === "pairing_message" && to === ben.key) carla.life.pairing.heard(message);
    return [message];
  };
  const wrong = `${made.mailbox}-${made.code.endsWith("2222") ? "3333" : "2222"}`;
  const third = carla.life.pairing.join(wrong, WISH).catch((error: Error) => error.message);
  await fleet.settle(100);
  const second = ben.life.pairing.join(made.code, WISH);
  await fleet.wait(Promise.all([anna.life.pairing.outcome(made.mailbox), second, third]));
  expect(await third).toBe("That did not finish. Make a new code.");
  expect([await pins(anna), await pins(ben), await pins(carla)]).toEqual([[ben.key], [anna.key], []]);
});

test.each([0, 1, 2])(
  "drops message %i: both are told within the time of the code, and nobody is pinned",
  async (step) => {
    await using fleet = new TestFleet();
    const [anna, ben] = await annaAndBen(fleet);
    meddleWith(fleet, (said) => (said.step === step ? [] : [said]));
    expect(await outcomes(fleet, anna, ben)).toEqual([FAILED, FAILED]);
    expect([await pins(anna), await pins(ben)]).toEqual([[], []]);
  },
);

test.each([0, 1, 2, 3])("a cut under message %i, and a new session, is no failure", async (step) => {
  await using fleet = new TestFleet();
  const [anna, ben] = await annaAndBen(fleet);
  const cut = new Set<number>();
  meddleWith(fleet, (said, to) => {
    if (said.step !== step || cut.has(step)) return [said];
    cut.add(step);
    to.cut();
    fleet.time.after(500, () => to.connect());
    return [said];
  });
  expect(await outcomes(fleet, anna, ben)).toEqual(["paired", "paired"]);
  expect([await pins(anna), await pins(ben)]).toEqual([[ben.key], [anna.key]]);
});

test("drops the last message: the joiner is told and pins nothing, and nothing is relayed for the maker", async () => {
  await using fleet = new TestFleet();
  const [anna, ben] = await annaAndBen(fleet);
  meddleWith(fleet, (said) => (said.step === 3 ? [] : [said]));
  expect(await outcomes(fleet, anna, ben)).toEqual(["paired", FAILED]);
  expect(await pins(ben)).toEqual([]);
  expect((await anna.life.store.peers.list()).map(({ state }) => state)).toEqual(["pinned"]);
});

test.each([1, 2, 3])("replays message %i of an earlier run: it fits into no other", async (step) => {
  await using fleet = new TestFleet();
  const [anna, ben] = await annaAndBen(fleet);
  const recorded = new Map<number, Step>();
  meddleWith(fleet, (said) => {
    recorded.set(said.step, said);
    return [said];
  });
  expect(await outcomes(fleet, anna, ben)).toEqual(["paired", "paired"]);
  const [before] = await anna.life.store.peers.list();
  meddleWith(fleet, (said) => [said.step === step ? (recorded.get(step) ?? said) : said]);
  const [ofMaker, ofJoiner] = await outcomes(fleet, anna, ben);
  expect(ofJoiner).toBe(FAILED);
  if (step < 3) expect(ofMaker).toBe(FAILED);
  // The pin of before stands, whatever became of the second.
  const [after] = await anna.life.store.peers.list();
  expect(after?.key).toBe(before?.key ?? "");
});

test("reorders: a confirmation before the offer, or an answer before the join, ends it for both", async () => {
  await using fleet = new TestFleet();
  const [anna, ben] = await annaAndBen(fleet);
  const nonsense = { tag: "A".repeat(86), signature: "A".repeat(86) };
  meddleWith(fleet, (said, to) =>
    to === ben && said.step === 1 ? [{ step: 3, ...nonsense }, said] : [said],
  );
  expect(await outcomes(fleet, anna, ben)).toEqual([FAILED, FAILED]);
  let held: Step | undefined;
  meddleWith(fleet, (said, to) => {
    if (to !== anna || said.step !== 0 || held !== undefined) return [said];
    held = said;
    return [{ step: 2, share: "A".repeat(43), ...nonsense }, said];
  });
  expect(await outcomes(fleet, anna, ben)).toEqual([FAILED, FAILED]);
});

test("splices two pairings: the answer of one does not fit the other", async () => {
  await using fleet = new TestFleet();
  const [anna, ben, carla] = await devices(fleet, "anna", "ben", "carla");
  if (anna === undefined || ben === undefined || carla === undefined) throw new Error("three were meant");
  const answers: Step[] = [];
  meddleWith(fleet, (said, to) => {
    if (to !== anna || said.step !== 2) return [said];
    answers.push(said);
    // The first is kept back until the second is there, and takes its place.
    return answers.length === 2 && answers[0] !== undefined ? [answers[0]] : [];
  });
  expect((await Promise.all([outcomes(fleet, anna, ben), outcomes(fleet, anna, carla)])).flat()).toEqual([
    FAILED,
    FAILED,
    FAILED,
    FAILED,
  ]);
  expect(await pins(anna)).toEqual([]);
});

test("cuts a message short, or adds to it: it is none, and the code is spent", async () => {
  await using fleet = new TestFleet();
  const [anna, ben] = await annaAndBen(fleet);
  for (const payload of ["", "{", "null", '{"step":2}', "[".repeat(500)]) {
    fleet.meddle = (to, message) =>
      message.type === "pairing_message" && to === anna.key && message.payload.includes('"step":2')
        ? [{ ...message, payload }]
        : [message];
    expect(await outcomes(fleet, anna, ben)).toEqual([FAILED, FAILED]);
  }
});

test("downgrades the link to the letters, or names another way: both fail", async () => {
  await using fleet = new TestFleet();
  const [anna, ben] = await annaAndBen(fleet);
  meddleWith(fleet, (said) => [said.step === 0 ? { ...said, way: "code" } : said]);
  expect(await outcomes(fleet, anna, ben, "link")).toEqual([FAILED, FAILED]);
  meddleWith(fleet, (said) => [said]);
  expect(await outcomes(fleet, anna, ben, "link")).toEqual(["paired", "paired"]);
});

test("answers for another: what is said in one mailbox is not heard in another", async () => {
  await using fleet = new TestFleet();
  const [anna, ben] = await annaAndBen(fleet);
  const other = await fleet.wait(anna.life.pairing.make({ ...WISH, reach: "anyone" }));
  const over = anna.life.pairing.outcome(other.mailbox)?.catch((error: Error) => error.message);
  fleet.meddle = (to, message) =>
    message.type === "pairing_message" && to === anna.key
      ? [{ ...message, mailbox: other.mailbox }]
      : [message];
  expect(await outcomes(fleet, anna, ben)).toEqual([FAILED, FAILED]);
  anna.life.pairing.cancel(other.mailbox);
  expect(await over).toBe("That did not finish. Make a new code.");
  expect(await pins(anna)).toEqual([]);
});

test("names a mailbox of four letters, or of none: that is no mailbox", async () => {
  await using fleet = new TestFleet();
  const [anna] = await annaAndBen(fleet);
  for (const mailbox of ["K7QX", "K", "k7", "O0"]) {
    fleet.meddle = (_, message) => [message.type === "mailbox" ? { ...message, mailbox } : message];
    const made = anna.life.pairing.make({ ...WISH, reach: "anyone" });
    const told = await fleet.wait(made.then(String, (error: Error & { code?: string }) => error.code ?? ""));
    expect(told).toBe("protocol_error");
  }
});

test("says that two are paired who are not: no message goes there, and no pin is made", async () => {
  await using fleet = new TestFleet();
  const [anna] = await annaAndBen(fleet);
  anna.life.post.heard(NOTHING);
  await fleet.settle(400);
  expect(await pins(anna)).toEqual([]);
});

test("adds a second answer to the right one: the pairing stands, and both are told the same", async () => {
  await using fleet = new TestFleet();
  const [anna, ben] = await annaAndBen(fleet);
  meddleWith(fleet, (said, to) =>
    to === anna && said.step === 2 ? [said, { ...said, tag: "A".repeat(86) }] : [said],
  );
  expect(await outcomes(fleet, anna, ben)).toEqual(["paired", "paired"]);
  expect([await pins(anna), await pins(ben)]).toEqual([[ben.key], [anna.key]]);
});

test("joins again and again without an answer: the maker is told at once that its code is over", async () => {
  await using fleet = new TestFleet();
  const [anna] = await annaAndBen(fleet);
  const made = await fleet.wait(anna.life.pairing.make({ ...WISH, reach: "anyone" }));
  const outcome = anna.life.pairing.outcome(made.mailbox)?.catch((error: Error) => error.message);
  for (let join = 0; join < 17; join++) {
    hear(anna, made.mailbox, { step: 0, way: "code", session: toBase64Url(fleet.crypto.randomBytes(16)) });
  }
  expect(await outcome).toBe("That did not finish. Make a new code.");
});

test("the letters and the link's secret are in nothing that the hub sees", async () => {
  await using fleet = new TestFleet();
  const [anna, ben] = await annaAndBen(fleet);
  let seen = "";
  fleet.spy = (_, message) => (seen += JSON.stringify(message));
  const made = await fleet.wait(anna.life.pairing.make({ ...WISH, reach: "anyone" }));
  await fleet.wait(
    Promise.all([anna.life.pairing.outcome(made.mailbox), ben.life.pairing.join(made.link, WISH)]),
  );
  const secret = made.link.split(".").at(-2) ?? "no link";
  expect(secret.length).toBe(22);
  expect(seen).toContain(made.mailbox);
  for (const hidden of [secret, made.code, `"${made.code.slice(-4)}"`]) expect(seen).not.toContain(hidden);
});

function hear(device: TestDevice, mailbox: string, message: object): void {
  device.life.pairing.heard({ type: "pairing_message", mailbox, payload: JSON.stringify(message) });
}

/** What the hub brings to a run of its own. */
function eveAt(fleet: TestFleet, mailbox: string): PairingOptions {
  const key = () => fleet.crypto.x25519PublicKey(fleet.crypto.randomBytes(32));
  return {
    crypto: fleet.crypto,
    clock: fleet.time,
    signer: fleet.crypto.ed25519Signer(fleet.crypto.randomBytes(32)),
    hubKey: new Uint8Array(32).fill(1),
    mailbox,
    version: 1,
    own: { linkKey: key(), receiveKey: key(), nickname: "anna", kind: "laptop" },
  };
}
