import { expect, test } from "bun:test";
import { resolve } from "node:path";

const MODULE = resolve(import.meta.dirname, "real-surroundings.ts");

/** A run that has ended, and what its process does then. */
async function afterTheRun(then: string) {
  const script = `
    const { realSurroundings } = await import(${JSON.stringify(MODULE)});
    const forget = realSurroundings().onInterrupt(() => {});
    forget();
    setInterval(() => {}, 1000);
    process.kill(process.pid, "SIGINT");
    ${then}
  `;
  const process = Bun.spawn([globalThis.process.execPath, "-e", script]);
  return { code: await process.exited, signal: process.signalCode };
}

test("a signal that comes when all is done does not make a failure of it", async () => {
  expect(await afterTheRun("setImmediate(() => process.exit(7));")).toEqual({ code: 7, signal: null });
});

test("one that comes while nobody reads what was printed ends the process", async () => {
  expect(await afterTheRun("")).toEqual({ code: 130, signal: null });
});
