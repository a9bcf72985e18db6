// Guessing at pairing codes, as many at once as a hub lets in: a thousand guests with a thousand addresses, all that
// one machine can send them, at live codes. The hub, its sockets and the pairing are the real ones; only the bound
// on messages of one session is lifted, which would else end each socket after some hundred.
//
// MUSTER_GUESSES is another number of them, and tells what was measured.
import { expect, test } from "bun:test";
import { PairingJoiner } from "../../src/identity/pairing/joiner.ts";
import { PairingMaker } from "../../src/identity/pairing/maker.ts";
import type { PairingOptions } from "../../src/identity/pairing/pairing-run.ts";
import { fromBase64Url } from "../../src/protocol/bytes.ts";
import { OPEN_JOINS_PER_ADDRESS_AND_MINUTE } from "../../src/protocol/limits.ts";
import type { HubToClient } from "../../src/protocol/messages.ts";
import { drawSecretLetters, PAIRING_LETTERS } from "../../src/protocol/pairing-code.ts";
import { realWorld } from "../../src/world/real.ts";
import { agentIn, Home, hubIn } from "../e2e/harness.ts";
import { crypto, GuestSocket } from "./guest-socket.ts";

const GUESSES = Number(process.env["MUSTER_GUESSES"] ?? 1_000_000);
const SOCKETS = 1_000;
const MAKERS = 50;
const CODES_EACH = 4;
/** In one write, and then its answers are waited for. */
const BATCH = 20;

const CONFIG = `
[hub]
trusted_proxy = ["127.0.0.1"]

[pairing]
guests = true

[limits]
messages_per_second = 1000000
messages_burst = 1000000
unproven_sockets = 5000
entries_per_minute = 1000
`;

/** One code that is out, and what became of it. */
interface Code {
  maker: PairingMaker;
  tried: number;
  won: number;
}

class Attack {
  readonly codes = new Map<string, Code>();
  /** Each text that a join was refused with, without its id, and how often. */
  readonly refusals = new Map<string, number>();
  joined = 0;
  guessed = 0;
  readonly #hubKey: Uint8Array;

  constructor(hubKey: Uint8Array) {
    this.#hubKey = hubKey;
  }

  async makeCodes(socket: GuestSocket): Promise<void> {
    socket.heard = (message) => void this.#heardByMaker(socket, message);
    for (let number = 0; number < CODES_EACH; number++) {
      const { mailbox } = await socket.request({ type: "create_pairing", reach: "anyone" }, "mailbox");
      const letters = drawSecretLetters((length) => crypto.randomBytes(length));
      const maker = new PairingMaker(this.#optionsOf(socket, mailbox), { letters });
      this.codes.set(mailbox, { maker, tried: 0, won: 0 });
    }
  }

  /** As many joins as it is given, to any name, and a guess at each code that it reaches. */
  async guess(open: () => Promise<GuestSocket>, joins: number): Promise<void> {
    let socket = await open();
    const under = new Map<string, PairingJoiner>();
    const listen = (): void => {
      socket.heard = (message) => void this.#heardByGuesser(socket, under, message);
    };
    listen();
    for (let left = joins; left > 0; left -= BATCH) {
      // A machine with other things to do may leave one silent for too long.
      if (socket.ended !== undefined) {
        socket = await open();
        under.clear();
        listen();
      }
      const names = Array.from({ length: Math.min(left, BATCH) }, anyName);
      const answers = await socket.askAll(names.map((mailbox) => ({ type: "join_pairing", mailbox })));
      for (const [at, answer] of answers.entries()) this.#joined(socket, under, { name: names[at], answer });
    }
  }

  #joined(
    socket: GuestSocket,
    under: Map<string, PairingJoiner>,
    { name = "", answer }: { name: string | undefined; answer: string },
  ): void {
    if (answer === "") return;
    if (!answer.startsWith('{"type":"done"')) {
      const text = answer.replace(/"id":"\d+"/, "");
      this.refusals.set(text, (this.refusals.get(text) ?? 0) + 1);
      return;
    }
    this.joined += 1;
    const letters = drawSecretLetters((length) => crypto.randomBytes(length));
    const joiner = new PairingJoiner(this.#optionsOf(socket, name), { way: "code", letters });
    under.set(name, joiner);
    socket.say({ type: "pairing_message", mailbox: name, payload: JSON.stringify(joiner.join()) });
  }

  async #heardByGuesser(
    socket: GuestSocket,
    under: ReadonlyMap<string, PairingJoiner>,
    message: HubToClient,
  ): Promise<void> {
    if (message.type !== "pairing_message") return;
    const joiner = under.get(message.mailbox);
    const offer = JSON.parse(message.payload) as { step?: number };
    if (joiner === undefined || offer.step !== 1) return;
    const answer = await joiner.answer(offer).catch(() => undefined);
    if (answer === undefined) return;
    this.guessed += 1;
    socket.say({ type: "pairing_message", mailbox: message.mailbox, payload: JSON.stringify(answer) });
  }

  async #heardByMaker(socket: GuestSocket, message: HubToClient): Promise<void> {
    const code = message.type === "pairing_message" ? this.codes.get(message.mailbox) : undefined;
    if (message.type !== "pairing_message" || code === undefined) return;
    const { mailbox } = message;
    const said = JSON.parse(message.payload) as { step?: number };
    if (said.step === 0) {
      try {
        const payload = JSON.stringify(code.maker.offer(said));
        socket.say({ type: "pairing_message", mailbox, payload });
      } catch {
        // more joins than one code bears, or it is spent
      }
      return;
    }
    code.tried += 1;
    await code.maker.finish(said).then(
      () => (code.won += 1),
      () => socket.say({ type: "end_pairing", mailbox }),
    );
  }

  #optionsOf({ signer }: GuestSocket, mailbox: string): PairingOptions {
    const key = () => crypto.x25519PublicKey(crypto.randomBytes(32));
    return {
      crypto,
      clock: realWorld.clock,
      signer,
      hubKey: this.#hubKey,
      mailbox,
      version: 1,
      own: { linkKey: key(), receiveKey: key(), nickname: "guest", kind: "laptop" },
    };
  }
}

function anyName(): string {
  const letter = () => PAIRING_LETTERS.charAt(Math.floor(Math.random() * PAIRING_LETTERS.length));
  return letter() + letter();
}

const addressOf = (number: number): string => `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`;

test(`${GUESSES} guesses from ${SOCKETS} sockets: none wins, each code bears one, and an innocent pairing succeeds`, async () => {
  await using owner = new Home();
  await using one = new Home();
  await using two = new Home();
  owner.configure(CONFIG);
  const { hub_url: hubUrl } = await hubIn(owner);
  await Promise.all([
    agentIn(one, { owner, hubUrl, name: "one" }),
    agentIn(two, { owner, hubUrl, name: "two" }),
  ]);
  const facts = (await (await fetch(`${hubUrl}/api/hub`)).json()) as { hub_key: string };
  const attack = new Attack(fromBase64Url(facts.hub_key) ?? new Uint8Array(0));
  const sockets: GuestSocket[] = [];
  const openAt = async (number: number): Promise<GuestSocket> => {
    const socket = await GuestSocket.open({ hubUrl, address: addressOf(number + 1) });
    sockets.push(socket);
    return socket;
  };
  try {
    const makers = await Promise.all(Array.from({ length: MAKERS }, (_, at) => openAt(at)));
    await Promise.all(makers.map((socket) => attack.makeCodes(socket)));
    const guessers: GuestSocket[] = [];
    for (let number = MAKERS; number < MAKERS + SOCKETS; number += 50) {
      const some = Array.from({ length: 50 }, (_, at) => openAt(number + at));
      guessers.push(...(await Promise.all(some)));
    }
    const began = performance.now();
    const guessing = Promise.all(
      guessers.map((first, at) => {
        let next: GuestSocket | undefined = first;
        const open = (): Promise<GuestSocket> => {
          const opened = next === undefined ? openAt(MAKERS + at) : Promise.resolve(next);
          next = undefined;
          return opened;
        };
        return attack.guess(open, GUESSES / SOCKETS);
      }),
    );

    const making = one.spawn(["pair", "--own", "--json"]);
    const { code } = await making.firstJson();
    const joined = await two.ok(["pair", code]);
    expect(await making.exited).toBe(0);
    expect(joined).toMatchObject({ peer_name: "one" });

    await guessing;
    const seconds = (performance.now() - began) / 1000;
    const codes = [...attack.codes.values()];
    const tried = codes.filter((one) => one.tried > 0).length;
    if (process.env["MUSTER_GUESSES"] !== undefined) {
      const { joined: letIn, guessed } = attack;
      const outcome = `${letIn} let in, ${guessed} guesses sent, ${tried} of ${codes.length} codes tried`;
      console.log(`${GUESSES} joins in ${seconds.toFixed(1)} s: ${outcome}`);
    }
    expect(codes.every((one) => one.won === 0)).toBe(true);
    expect(Math.max(...codes.map((one) => one.tried))).toBe(1);
    // Most are held back before the name is even looked up, whatever else is tried meanwhile.
    const letIn = SOCKETS * OPEN_JOINS_PER_ADDRESS_AND_MINUTE * (1 + seconds / 60);
    const lookedUp = attack.joined + (refusedWith(attack, "pairing_failed") ?? 0);
    expect(lookedUp).toBeLessThanOrEqual(letIn + SOCKETS);
    // Unknown, used and given up: one text. Held back: another, which says nothing of the name.
    const codesOf = [...attack.refusals.keys()].map((text) => /"code":"(\w+)"/.exec(text)?.[1]);
    expect(new Set(codesOf)).toEqual(new Set(["pairing_failed", "too_many"]));
    expect(codesOf).toHaveLength(2);
  } finally {
    for (const socket of sockets) socket.close();
  }
}, 600_000);

function refusedWith({ refusals }: Attack, code: string): number | undefined {
  return [...refusals].find(([text]) => text.includes(`"code":"${code}"`))?.[1];
}
