import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { utf8 } from "../../protocol/bytes.ts";
import { LineTransport } from "./line-transport.ts";

const PING = '{"jsonrpc":"2.0","id":1,"method":"ping"}';

/** What was understood and what was written, once all of the input was read. */
async function fed(
  pieces: readonly Uint8Array[],
): Promise<{ heard: unknown[]; written: string[]; isIdle: boolean }> {
  const heard: unknown[] = [];
  const written: string[] = [];
  const input = {
    async *pieces() {
      yield* pieces;
    },
  };
  const output = {
    async bytes(bytes: Uint8Array) {
      written.push(new TextDecoder().decode(bytes));
    },
  };
  const transport = new LineTransport(input, output);
  Object.assign(transport, { onmessage: (message: unknown) => heard.push(message) });
  await transport.start();
  await transport.ended;
  await transport.close();
  return { heard, written, isIdle: transport.isIdle };
}

test("messages are the lines, however their bytes arrive", async () => {
  const wide = '{"jsonrpc":"2.0","method":"notifications/ö","params":{"text":"日本 🦉"}}';
  const bytes = utf8(`${PING}\r\n\n${wide}\n`);
  const expected = [JSON.parse(PING), JSON.parse(wide)];
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 12 }), async (cuts) => {
      const edges = [0, ...cuts.toSorted((one, other) => one - other), bytes.length];
      const pieces = edges.slice(1).map((end, at) => bytes.subarray(edges[at], end));
      expect(await fed(pieces)).toMatchObject({ heard: expected, written: [] });
    }),
    { seed: 7, numRuns: 50 },
  );
});

test("what is no message is answered as such, and the next one is understood", async () => {
  const invalid = Uint8Array.of(0x22, 0xff, 0x22, 10);
  const { heard, written } = await fed([utf8(`{"jsonrpc"\n[${PING}]\n7\n`), invalid, utf8(`${PING}\n`)]);
  expect(written.map((line) => JSON.parse(line).error.code)).toEqual([-32_700, -32_600, -32_600, -32_700]);
  expect(heard).toEqual([JSON.parse(PING)]);
});

test("a line that is too long is refused without being kept, and a begun one at the end is nothing", async () => {
  const piece = new Uint8Array(1024 * 1024).fill(32);
  const long = Array.from({ length: 9 }, () => piece);
  const { heard, written } = await fed([...long, utf8(`${PING}\n${PING}\n${PING}`)]);
  expect(written.map((line) => JSON.parse(line).error.code)).toEqual([-32_600]);
  expect(heard).toEqual([JSON.parse(PING)]);
});

test("a request that was taken back is not waited for", async () => {
  const cancel = '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}';
  expect((await fed([utf8(`${PING}\n`)])).isIdle).toBe(false);
  expect((await fed([utf8(`${PING}\n${cancel}\n`)])).isIdle).toBe(true);
});

test("it is idle when every request has its answer, and silent once it is closed", async () => {
  const written: string[] = [];
  const { promise: more, resolve: end } = Promise.withResolvers<void>();
  const input = {
    async *pieces() {
      yield utf8(`${PING}\n`);
      await more;
    },
  };
  const transport = new LineTransport(input, {
    bytes: async (bytes) => void written.push(String(bytes.length)),
  });
  const { promise: heard, resolve } = Promise.withResolvers<void>();
  let closed = 0;
  Object.assign(transport, { onmessage: resolve, onclose: () => (closed += 1) });
  await transport.start();
  await heard;
  expect(transport.isIdle).toBe(false);
  await transport.send({ jsonrpc: "2.0", id: 1, result: {} });
  expect(transport.isIdle).toBe(true);
  await transport.close();
  await transport.close();
  await transport.send({ jsonrpc: "2.0", id: 2, result: {} });
  expect([written.length, closed]).toEqual([1, 1]);
  end();
});
