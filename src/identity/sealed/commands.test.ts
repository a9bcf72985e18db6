import { expect, test } from "bun:test";
import { seededCrypto } from "../crypto.fixture.ts";
import { refusal } from "../refusal.fixture.ts";
import { checkOutcome, CommandChecker, CommandSigner, signOutcome } from "./commands.ts";
import type { CommandSession, CommandWish } from "./commands.ts";

const crypto = seededCrypto("commands");
const [controller, device, eve] = [1, 2, 3].map(() => crypto.ed25519Signer(crypto.randomBytes(32)));
if (controller === undefined || device === undefined || eve === undefined) throw new Error("no keys");
const SESSION: CommandSession = {
  crypto,
  sessionHash: new Uint8Array(32).fill(1),
  signerKey: controller.publicKey,
  deviceKey: device.publicKey,
};
const WISH: CommandWish = {
  logId: new Uint8Array(32).fill(2),
  commandId: "c1",
  kind: "exec",
  request: JSON.stringify({ argv: ["true"] }),
};

test("a command is taken as it was signed, and its outcome is the device's", async () => {
  const { command, proof } = await new CommandSigner(SESSION, controller).sign(WISH);
  const taken = new CommandChecker(SESSION).check(JSON.parse(JSON.stringify(command)));
  expect(taken.wish).toEqual(WISH);
  expect(taken.proof).toEqual(proof);
  const outcome = await signOutcome(crypto, device, { proof: taken.proof, outcome: '{"exit":0}' });
  expect(checkOutcome(crypto, proof, JSON.parse(JSON.stringify(outcome)))).toBe('{"exit":0}');
});

test("commands of one session are taken once and in order", async () => {
  const signing = new CommandSigner(SESSION, controller);
  const checking = new CommandChecker(SESSION);
  const [first, second] = [(await signing.sign(WISH)).command, (await signing.sign(WISH)).command];
  expect(refusal(() => checking.check(second))).toBe(
    "protocol_error: command 1 of the session came in place of 0",
  );
  checking.check(first);
  expect(refusal(() => checking.check(first))).toBe(
    "protocol_error: command 0 of the session came in place of 1",
  );
  expect(refusal(() => checking.check({ ...first, number: 1 }))).toStartWith("bad_signature: ");
  checking.check(second);
});

test("what was signed for another session, device, log or by another key is worth nothing", async () => {
  const others: Partial<CommandSession>[] = [
    { sessionHash: new Uint8Array(32).fill(9) },
    { deviceKey: eve.publicKey },
    { signerKey: eve.publicKey },
  ];
  const { command } = await new CommandSigner(SESSION, controller).sign(WISH);
  for (const other of others) {
    const checking = new CommandChecker({ ...SESSION, ...other });
    expect(refusal(() => checking.check(command))).toStartWith("bad_signature: ");
  }
});

test("no part of a command can be changed", async () => {
  const { command } = await new CommandSigner(SESSION, controller).sign(WISH);
  const changes = [
    { log: "A".repeat(43) },
    { command_id: "c2" },
    { kind: "shell" },
    { request: command.request.replace("true", "rm") },
    { request: `${command.request} ` },
    { signature: "A".repeat(86) },
  ];
  for (const change of changes) {
    const said = refusal(() => new CommandChecker(SESSION).check({ ...command, ...change }));
    expect(said).toBe(`bad_signature: the command "${change.kind ?? "exec"}" is not signed for this session`);
  }
});

test("what is no command is refused, and the number stays due", async () => {
  const checking = new CommandChecker(SESSION);
  const { command } = await new CommandSigner(SESSION, controller).sign(WISH);
  const wrong = [
    null,
    {},
    { ...command, number: -1 },
    { ...command, request: "\ud800" },
    { ...command, kind: "" },
  ];
  for (const message of wrong) expect(refusal(() => checking.check(message))).toStartWith("protocol_error: ");
  expect(checking.check(command).wish).toEqual(WISH);
});

test("an outcome of another command, another device or with another text is refused", async () => {
  const { proof } = await new CommandSigner(SESSION, controller).sign(WISH);
  const good = await signOutcome(crypto, device, { proof, outcome: "1" });
  expect(refusal(() => checkOutcome(crypto, proof, { ...good, outcome: "0" }))).toStartWith(
    "bad_signature: ",
  );
  const forged = await signOutcome(crypto, eve, { proof, outcome: "1" });
  expect(refusal(() => checkOutcome(crypto, proof, forged))).toStartWith("bad_signature: ");
  const ofOther = { ...proof, requestHash: new Uint8Array(32) };
  expect(refusal(() => checkOutcome(crypto, ofOther, good))).toStartWith("bad_signature: ");
  expect(refusal(() => checkOutcome(crypto, proof, { ...good, command_id: "c2" }))).toStartWith(
    "protocol_error: ",
  );
});
