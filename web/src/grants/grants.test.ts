import { describe, expect, test } from "bun:test";
import { crypto, full, home, newKey, NOW, phone, pi } from "../../../src/identity/owner-log.fixture.ts";
import { appendEntry, type OwnerLog } from "../../../src/identity/owner-log.ts";
import { toBase64Url } from "../../../src/protocol/bytes.ts";
import { MusterError } from "../../../src/protocol/errors.ts";
import { deviceIdOf } from "../../../src/protocol/ids.ts";
import type { EntryBody } from "../../../src/protocol/owner-log.ts";
import type { DeviceView } from "../../../src/protocol/views.ts";
import { device, fleet } from "../fleet/fleet.fixture.ts";
import { deviceName, isOver, readGrants, usesOf, type GrantBook, type ShownGrant } from "./grant-book.ts";
import {
  keyCommand,
  loanCommand,
  nameProblem,
  readProtocols,
  revokeCommand,
  wrongProtocol,
} from "./grant-commands.ts";
import { lendable } from "./lendable.ts";
import { SinceOpened } from "./since-opened.ts";

const idOf = (key: Uint8Array): string => deviceIdOf(crypto.sha256(key));
const given = (log: OwnerLog, change: Partial<EntryBody<"key">>): Promise<OwnerLog> =>
  appendEntry(crypto, log, {
    kind: "key",
    signer: home,
    body: {
      public_key: newKey(),
      name: "editor",
      holder: "program",
      scopes: ["models"],
      capabilities: null,
      devices: null,
      until: null,
      ...change,
    },
  });
const read = (log: OwnerLog, problem?: MusterError): GrantBook =>
  readGrants(log, { crypto, nowMs: NOW, problem });

const annas = newKey();
const lent = { scopes: ["capabilities"], capabilities: ["embeddings", "llm.chat"] } as const;
const withBoth = await given(await given(full, { until: NOW + 1 }), {
  scopes: [...lent.scopes],
  capabilities: [...lent.capabilities],
  name: "anna",
  holder: "owner",
  public_key: annas,
  devices: [toBase64Url(pi.publicKey)],
});
const book = read(withBoth);
// There are two.
const [anna, editor] = book.items as [ShownGrant, ShownGrant];

describe("the keys and grants of an owner log", () => {
  test("are shown with who holds them, what for, where, until when and by whom, the newest first", () => {
    expect(anna).toMatchObject({ id: annas, name: "anna", holder: "owner", untilMs: null });
    expect(anna.devices).toEqual([{ id: idOf(pi.publicKey), name: "pi-2" }]);
    expect([usesOf(anna), usesOf(editor)]).toEqual(["embeddings, llm.chat", "models"]);
    expect(editor).toMatchObject({ devices: null, by: { id: idOf(home.publicKey), name: "home" } });
    expect([anna.entry, editor.entry]).toEqual([withBoth.length - 1, withBoth.length - 2]);
    expect([isOver(editor, NOW), isOver(editor, NOW + 1), isOver(anna, NOW + 1)]).toEqual([
      false,
      true,
      false,
    ]);
  });

  test("are made and taken back by who may write the log, which no browser may, and lent of machines", () => {
    const ids = (some: GrantBook["admins"]): string[] => some.map(({ id }) => id);
    expect(ids(book.admins)).toContain(idOf(home.publicKey));
    expect(ids(book.admins)).not.toContain(idOf(phone.publicKey));
    expect(ids(book.devices)).toContain(idOf(pi.publicKey));
    expect(ids(book.devices)).not.toContain(idOf(phone.publicKey));
  });

  test("name a device as it is called today, and one that has left by nothing", async () => {
    const today = fleet([device("pi-in-the-attic", { id: idOf(pi.publicKey) })]);
    expect((anna.devices ?? []).map((one) => deviceName(one, today))).toEqual(["pi-in-the-attic"]);
    expect((anna.devices ?? []).map((one) => deviceName(one, null))).toEqual(["pi-2"]);
    const body = { public_key: toBase64Url(pi.publicKey) };
    const without = read(await appendEntry(crypto, withBoth, { kind: "remove", body, signer: home }));
    expect((without.items[0]?.devices ?? []).map((one) => deviceName(one, null))).toEqual([
      "a removed device",
    ]);
  });

  test("are not to be believed where the log is not", () => {
    const problem = new MusterError("owner_log_invalid", "the hub shows another log");
    expect(read(full, problem).problem).toBe(problem);
    expect(read(full).problem).toBeNull();
  });

  test("have what was asked for once an entry came that a dialog has not opened with", async () => {
    const opened = new SinceOpened(book);
    const isEditor = ({ name }: ShownGrant): boolean => name === "editor";
    expect(opened.has(book, isEditor)).toBe(false);
    const after = await given(withBoth, { name: "another" });
    expect(opened.has(read(after), isEditor)).toBe(false);
    expect(opened.has(read(await given(after, {})), isEditor)).toBe(true);
  });
});

describe("the command", () => {
  test("for a key names its scopes, some capabilities of it, and its end", () => {
    const wish = { name: "editor", scopes: ["models"], capabilities: [], ends: "" } as const;
    expect(keyCommand(wish)).toBe("muster key create editor --scope models");
    const more = { ...wish, scopes: ["read", "capabilities"], capabilities: ["llm.chat", "x.own"] } as const;
    expect(keyCommand({ ...more, ends: "90d" })).toBe(
      "muster key create editor --scope read capabilities:llm.chat,x.own --expires 90d",
    );
    expect(keyCommand({ ...more, capabilities: [] })).toEndWith("--scope read capabilities");
  });

  test("for a grant names an owner as they are called here, and a paired device by its own name", () => {
    const to = `-${"q".repeat(41)}A`;
    const wish = {
      device: { id: "id", name: "gpu" },
      capabilities: ["llm.chat"],
      to,
      as: "",
      ends: "",
    } as const;
    expect(loanCommand(wish)).toBe(`muster grant gpu --capability llm.chat --to=${to}`);
    expect(loanCommand({ ...wish, as: "Anna B.", ends: "7d" })).toEndWith(
      `--to=${to} --as 'Anna B.' --expires 7d`,
    );
    expect(loanCommand({ ...wish, to: "annas-laptop", as: "anna" })).toBe(
      "muster grant gpu --capability llm.chat --to annas-laptop",
    );
  });

  test("is for a shell no more than words, whatever a name says", () => {
    const name = "x'; rm -rf ~; echo '$(id)";
    const wish = { name, scopes: ["models"], capabilities: [], ends: "" } as const;
    expect(keyCommand(wish)).toBe(
      String.raw`muster key create 'x'\''; rm -rf ~; echo '\''$(id)' --scope models`,
    );
    // What a hub calls a device is not even quoted.
    const device = { id: "abcdefg-hijklmn-opqrstu-vwxyz23", name: "pi; rm -rf ~" };
    expect(loanCommand({ device, capabilities: ["llm.chat"], to: "x", as: "", ends: "" })).toStartWith(
      `muster grant ${device.id} --capability`,
    );
  });

  test("that takes one back names it in a way that fits no other one", () => {
    const named = (name: string, id = "abcdefg-hijklmn-opqrstu-vwxyz23"): ShownGrant => ({
      ...editor,
      name,
      id,
    });
    expect(revokeCommand(anna, book.items)).toBe("muster revoke anna");
    expect(revokeCommand(editor, [...book.items, named("editor")])).toBe(`muster revoke ${editor.id}`);
    // One holder may have several, and loses all of them.
    expect(revokeCommand(anna, [...book.items, { ...anna, entry: 99 }])).toBe("muster revoke anna");
    for (const name of ["$(id)", "two words", "-rf", "ängström"]) {
      expect(revokeCommand(named(name), [])).toBe("muster revoke abcdefg-hijklmn-opqrstu-vwxyz23");
    }
    expect(revokeCommand(named("my friend", "-q_A"), [])).toBe("muster revoke -- -q_A");
  });
});

test("what somebody types is a name or a list of protocols, or it says what is wrong", () => {
  expect(["", "editor", "Anna B."].map(nameProblem)).toEqual(Array(3).fill(undefined));
  expect(nameProblem("-x")).toContain("dash");
  expect(nameProblem("a\u202eb")).toContain("can’t be seen");
  expect(readProtocols(" llm.chat, embeddings  llm.chat")).toEqual(["llm.chat", "embeddings"]);
  expect([wrongProtocol("llm.chat, embeddings"), wrongProtocol("")]).toEqual([undefined, undefined]);
  expect(wrongProtocol("llm.chat LLM")).toContain("“LLM”");
});

test("a device is lent for what it computes; one that computes nothing now stands behind those that do", () => {
  const offers = (id: string, ...classes: ("compute" | "read")[]): DeviceView =>
    device(`${id}-today`, {
      id,
      capabilities: classes.map((one, at) => ({ protocol: `x.${one}${at}`, version: "1.0.0", class: one })),
    });
  // There are more.
  const [first, second] = book.devices.map(({ id }) => id) as [string, string];
  const shown = lendable(book, fleet([offers(first, "read"), offers(second, "read", "compute")]));
  expect(shown[0]).toEqual({ id: second, name: `${second}-today`, offers: ["x.compute1"] });
  expect(shown.find(({ id }) => id === first)?.offers).toEqual([]);
  expect(shown).toHaveLength(book.devices.length);
});
