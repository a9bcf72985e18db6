import { expect, test } from "bun:test";
import { seededCrypto } from "../identity/crypto.fixture.ts";
import { toBase64Url, utf8 } from "../protocol/bytes.ts";
import { proofText } from "../protocol/proof-text.ts";
import type { ProofView } from "../protocol/views.ts";
import type { ConnectOptions, Socket } from "../world/world.ts";
import { Prober } from "./prober.ts";
import type { ShareRecord } from "./shares/share-table.ts";

/** Shares whose addresses take connections and never answer; `fail` ends what was dialled so far. */
function silentShares(count: number) {
  const all = Array.from({ length: count }, (_, at) => ({
    shareId: `s${at}`,
    deviceId: "d",
    label: `l${at}`,
    proof: { state: "unknown" },
  })) as unknown as ShareRecord[]; // the members that a proof looks at
  const dialled: string[] = [];
  const limits: (() => void)[] = [];
  const options = {
    world: {
      clock: { now: () => 0, monotonic: () => 0 },
      timers: {
        after: (_delayMs: number, run: () => void) => (limits.push(run), { cancel() {} }),
        every: () => ({ cancel() {} }),
        soon() {},
      },
      network: { connect: () => new Promise(() => {}) },
    },
    crypto: seededCrypto("prober"),
    shares: { all: () => all, byId: (id: string) => all.find((one) => one.shareId === id), setProof() {} },
    address: { host: "127.0.0.1", port: 1 },
    tls: undefined,
    isConnected: () => true,
    hostOf: (label: string) => (dialled.push(label), label),
    proved() {},
  };
  const prober = new Prober(options as unknown as ConstructorParameters<typeof Prober>[0]);
  const fail = async () => {
    for (const run of limits.splice(0)) run();
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
  };
  return { prober, all, dialled, fail };
}

test("every share has its turn, also behind many that never answer", async () => {
  const { prober, dialled, fail } = silentShares(200);
  for (let look = 0; look < 4; look += 1) {
    prober.probeAll();
    await fail();
  }
  expect(new Set(dialled).size).toBe(200);
});

test("a fleet that comes back at once is not asked all at once", () => {
  const { prober, all, dialled } = silentShares(500);
  for (const share of all) prober.probe(share);
  expect(dialled.length).toBeLessThanOrEqual(64);
});

const PROOF_KEY = new Uint8Array(32).fill(7);
const HOST = "shop.example.com";

/** A share whose address leads to a tunnel, as one look at it finds it; `far` answers at the public address. */
async function lookByTunnel(far: (options: ConnectOptions) => Promise<void>): Promise<ProofView | undefined> {
  const proofs: ProofView[] = [];
  const facts = { proofKey: PROOF_KEY, byTunnel: true, proof: { state: "unknown" } };
  const share = { shareId: "s", deviceId: "d", label: "shop", ...facts };
  const options = {
    world: {
      clock: { now: () => 0, monotonic: () => 0 },
      timers: { after: () => ({ cancel() {} }), every: () => ({ cancel() {} }), soon() {} },
      network: { connect: far },
    },
    crypto: seededCrypto("prober"),
    shares: { byId: () => share, setProof: (_id: string, proof: ProofView) => proofs.push(proof) },
    address: { host: "127.0.0.1", port: 1 },
    tls: undefined,
    isConnected: () => false,
    hostOf: (label: string) => `${label}.example.com`,
    proved() {},
  };
  const prober = new Prober(options as unknown as ConstructorParameters<typeof Prober>[0]);
  prober.probe(share as unknown as ShareRecord); // what a proof looks at
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
  return proofs[0];
}

/** A far end at this address that says what `answer` makes of the nonce. */
function answers(remoteAddress: string, answer: (nonce: string) => string) {
  const asked: string[] = [];
  const far = ({ address, tls, connected }: ConnectOptions): Promise<void> => {
    expect([address, tls]).toEqual([{ host: HOST, port: 443 }, { serverName: HOST }]);
    const socket: Socket = {
      remoteAddress,
      localAddress: "",
      tls: true,
      channelBinding: () => new Uint8Array(),
      write(bytes) {
        const text = Buffer.from(bytes).toString();
        asked.push(text);
        const body = answer(/nonce=([\w-]+)/.exec(text)?.[1] ?? "");
        const head = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`;
        queueMicrotask(() => events.data(new Uint8Array(utf8(head + body))));
        return bytes.length;
      },
      pause() {},
      resume() {},
      shutdown() {},
      finish() {},
      close() {},
    };
    const events = connected(socket);
    return Promise.resolve();
  };
  return { far, asked };
}

function proofOf(nonce: string, link: "hub" | "named"): string {
  const mac = seededCrypto("prober").hmacSha256(PROOF_KEY, utf8(proofText(nonce, HOST, link)));
  return JSON.stringify({ nonce, mac: toBase64Url(mac), target: "ok" });
}

test("a share by a tunnel is asked at its public address, whether its device is here or not", async () => {
  const { far } = answers("104.16.0.1", (nonce) => proofOf(nonce, "named"));
  expect(await lookByTunnel(far)).toMatchObject({ state: "live" });
});

test("only the right agent's answer counts, by whichever way it came", async () => {
  const { far } = answers("104.16.0.1", (nonce) => proofOf(nonce, "hub"));
  expect(await lookByTunnel(far)).toMatchObject({ state: "live" });
  const other = answers("104.16.0.1", () => proofOf("another nonce", "named"));
  expect(await lookByTunnel(other.far)).toBeUndefined(); // dead only when it is so twice
  expect(other.asked).toHaveLength(1);
});

test("a hub that can't get out knows nothing, and asks nobody in its own network", async () => {
  const out = await lookByTunnel(() => Promise.reject(new Error("ENOTFOUND")));
  expect(out).toMatchObject({
    state: "unknown",
    reason: "this hub can't get to shop.example.com: ENOTFOUND",
  });
  const { far, asked } = answers("10.0.0.7", (nonce) => proofOf(nonce, "named"));
  expect(await lookByTunnel(far)).toMatchObject({
    state: "unknown",
    reason: expect.stringContaining("10.0.0.7"),
  });
  expect(asked).toEqual([]);
});
