import { expect, test } from "bun:test";
import type { ClientMessage } from "../../protocol/messages.ts";
import type { Actor } from "../../protocol/actors.ts";
import type { Deed } from "../audit.ts";
import { CommandDesk } from "./command-desk.ts";

const command: ClientMessage<"command"> = {
  type: "command",
  id: "1",
  command_id: "c-1",
  device_id: "box",
  kind: "share.add",
  request: "{}",
  owner_root: "root-of-somebody-else",
  signer: "",
  session_hash: "",
  number: 0,
  signature: "",
};

/** A desk in front of one device of "our-root" that takes orders and never answers. */
function desk() {
  const deeds: Deed[] = [];
  const parts = {
    timers: { after: () => ({ cancel() {} }), every: () => ({ cancel() {} }), soon() {} },
    directory: { device: () => ({ send: () => true }) },
    devices: { byId: () => ({ name: "box", owner_root: "our-root" }) },
    audit: { record: (deed: Deed) => Promise.resolve(void deeds.push(deed)) },
  };
  // Each part as small as the desk's use of it.
  return { deeds, desk: new CommandDesk(parts as unknown as ConstructorParameters<typeof CommandDesk>[0]) };
}

function controller(key: string) {
  const roles = new Map([["our-root", "command"]]);
  const actor = { kind: "attach", key, roles } as unknown as Actor; // of a key with a role: what the table asks for
  return { key, facts: { deviceId: key }, actor } as unknown as Parameters<CommandDesk["relay"]>[0];
}

test("the record of a command goes to the owner of the device, whatever the message claims", () => {
  const { desk: commands, deeds } = desk();
  void commands.relay(controller("a"), command);
  expect(deeds.map((deed) => deed.ownerRoot)).toEqual(["our-root"]);
});

test("one session that fills its places leaves those of others free", async () => {
  const { desk: commands, deeds } = desk();
  const greedy = controller("greedy");
  let refused = 0;
  for (let count = 0; count < 100; count += 1) commands.relay(greedy, command).catch(() => (refused += 1));
  await Promise.resolve();
  const taken = deeds.length;
  void commands.relay(controller("other"), command);
  expect(taken).toBeLessThan(100);
  expect(refused).toBe(100 - taken);
  expect(deeds.length).toBe(taken + 1);
});
