import { expect, test } from "bun:test";
import { assert, asyncProperty, constantFrom, string } from "fast-check";
import { MusterError } from "../../protocol/errors.ts";
import { placeOf, problemOf, type TestFile } from "./config.fixture.ts";
import { exampleConfig } from "./example-config.ts";
import type { ConfigPlace } from "./find-config.ts";
import { readConfig, readText, settingOf, type Flags } from "./read-config.ts";
import { isForLater, SETTINGS } from "./settings.ts";

const FILE = "/home/ada/.muster/muster.toml";

function read(
  file: string | TestFile | undefined,
  environment: Record<string, string> = {},
  flags: Flags = {},
) {
  const place: Partial<ConfigPlace> = { environment: { HOME: "/home/ada", ...environment } };
  return readConfig(placeOf(file === undefined ? {} : { [FILE]: file }, place), flags);
}

test("flags beat the environment, the environment beats the file, the file beats what is built in", async () => {
  const file = '[server]\nhost = "127.0.0.4"\n';
  const variable = { MUSTER_SERVER_HOST: "127.0.0.3" };
  const flags = { "server.host": { flag: "--host", value: "127.0.0.2" } };
  const rows = [
    {
      config: await read(file, variable, flags),
      value: "127.0.0.2",
      origin: { kind: "flag", flag: "--host" },
    },
    {
      config: await read(file, variable, { "server.host": { flag: "--host", value: undefined } }),
      value: "127.0.0.3",
      origin: { kind: "environment", variable: "MUSTER_SERVER_HOST" },
    },
    { config: await read(file), value: "127.0.0.4", origin: { kind: "file", path: FILE, line: 2 } },
    { config: await read(undefined), value: "127.0.0.1", origin: { kind: "built in" } },
  ];
  for (const { config, value, origin } of rows) {
    expect(config.text("server.host")).toBe(value);
    expect(config.all.find((each) => each.key === "server.host")?.origin).toMatchObject(origin);
  }
});

test("what nobody says and has no built-in value is not there", async () => {
  const config = await read(undefined);
  expect(config.path).toBeUndefined();
  expect(config.number("server.port")).toBeUndefined();
  expect(config.text("location")).toBeUndefined();
  expect(config.texts("hub.trusted_proxy")).toEqual([]);
});

const problems: [what: string, text: string, problem: string][] = [
  [
    "a path of health that no request line has",
    '[services.api]\nport = 8092\nhealth = "/how are you"\n',
    `${FILE}:3: \`services.api.health\` must be a path of at most 200 printable ASCII characters, without blanks`,
  ],
  [
    "a model that no server calls so",
    '[llm]\nmodel = "my model"\n',
    `${FILE}:2: \`llm.model\` must be the name of a model: up to 128 printable ASCII characters, without blanks`,
  ],
  [
    "an unknown key",
    'location = "here"\nlocatoin = "there"\n',
    `${FILE}:2: there is no setting \`locatoin\`; did you mean \`location\`?`,
  ],
  [
    "an unknown key of a section",
    "[server]\n\nprot = 1\n",
    `${FILE}:3: there is no setting \`server.prot\`; did you mean \`server.port\`?`,
  ],
  ["an unknown section", "[sever]\nx = 1\n", `${FILE}:1: there is no section [sever]`],
  [
    "an unknown key after a text of many lines",
    'location = """\nhere"""\nwhat = 1\n',
    `${FILE}:3: there is no setting \`what\``,
  ],
  [
    "a wrong type",
    '# a remark\n[server]\nport = "7575"\n',
    `${FILE}:3: \`server.port\` must be a whole number from 0 to 65535, not "7575"`,
  ],
  [
    "a port out of range",
    "server.port = 70000",
    `${FILE}:1: \`server.port\` must be a whole number from 0 to 65535, not 70000`,
  ],
  [
    "a broken number",
    "[server]\nport = 1.5",
    `${FILE}:2: \`server.port\` must be a whole number from 0 to 65535, not 1.5`,
  ],
  [
    "a level that is none",
    'log_level = "loud"',
    `${FILE}:1: \`log_level\` must be one of debug, info, warn, error`,
  ],
  [
    "a choice that is none",
    '[policy]\nexec = "all"',
    `${FILE}:2: \`policy.exec\` must be "owner" or "off", not "all"`,
  ],
  ["a section that is a value", "server = 1", `${FILE}:1: \`server\` must be a table: [server]`],
  [
    "a value that is a section",
    "[location]\nx = 1",
    `${FILE}:1: \`location\` must be text in quotes, not a table`,
  ],
  [
    "an address off this machine",
    '[server]\nhost = "0.0.0.0"',
    `${FILE}:2: \`server.host\` must be a loopback address, such as 127.0.0.1`,
  ],
  [
    "a proxy that is no address",
    'hub.trusted_proxy = ["10.0.0.0/8", "caddy"]',
    `${FILE}:1: \`hub.trusted_proxy\` must be IP addresses, or ranges as in 10.0.0.0/8`,
  ],
  [
    "everybody for a proxy",
    'hub.trusted_proxy = ["0.0.0.0/0"]',
    `${FILE}:1: \`hub.trusted_proxy\` must be addresses of proxies, not everybody's`,
  ],
  [
    "a control character",
    'location = "a\\u001b[2J"',
    `${FILE}:1: \`location\` may not hold control characters`,
  ],
  [
    "a place too long",
    `location = "${"x".repeat(51)}"`,
    `${FILE}:1: \`location\` may have 50 characters at most`,
  ],
  [
    "a service with a bad name",
    '[services."a b"]\nport = 1',
    `${FILE}:2: \`services.a b.port\` has a bad name: "a b" must be a name of a-z, 0-9, dot, hyphen and underscore`,
  ],
  [
    "a service's unknown key",
    "[services.web]\nport = 1\nhost = 2",
    `${FILE}:3: there is no setting \`services.web.host\``,
  ],
  ["a list of services", "[[services]]\nport = 1", `${FILE}:1: \`services\` must be a table: [services]`],
  ["a key of JavaScript's own", "__proto__ = 1", `${FILE}:1: there is no setting \`__proto__\``],
];

for (const [what, text, problem] of problems) {
  test(`${what} is refused with file and line`, async () => {
    expect(await problemOf(read(text))).toBe(`invalid: ${problem}`);
  });
}

test("what is no TOML is refused with the line at which it stops making sense", async () => {
  expect(await problemOf(read("a = 1\n\n[server]\nport = \n"))).toStartWith(
    `invalid: ${FILE}:4: missing value`,
  );
  expect(await problemOf(read('location = "here\nlog_level = "info"\n'))).toStartWith(
    `invalid: ${FILE}:1: unterminated`,
  );
  expect(await problemOf(read("[server]\nport = 1\nport = 2\n"))).toStartWith(
    `invalid: ${FILE}:3: cannot redefine`,
  );
});

const PIECES = ["a", "=", "[", "]", '"', "'", "\n", " ", ".", "#", "1", "{", "}", ",", "server", "port"];

test("any text is either read or refused in words, never anything else", async () => {
  await assert(
    asyncProperty(string({ maxLength: 60, unit: constantFrom(...PIECES) }), async (text) => {
      try {
        readText(FILE, text);
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(MusterError);
      }
    }),
    { seed: 7, numRuns: 300 },
  );
});

test("a variable of the wrong kind is refused by its name", async () => {
  expect(await problemOf(read(undefined, { MUSTER_SERVER_PORT: "many" }))).toBe(
    'usage: the variable MUSTER_SERVER_PORT must be a whole number from 0 to 65535, not "many"',
  );
});

test("a file that others can write is refused, and one with secrets that others can read", async () => {
  expect(await problemOf(read({ text: "", mode: 0o664 }))).toStartWith("state_unsafe:");
  expect(await problemOf(read({ text: "[providers.hetzner]\ntoken = 'x'\n", mode: 0o644 }))).toStartWith(
    "state_unsafe:",
  );
  expect((await read({ text: "location = 'here'", mode: 0o644 })).text("location")).toBe("here");
});

test("names of services and capabilities are the person's own", async () => {
  const config = await read(
    '[services.web]\nport = 80\n[services.db]\nport = 5432\ntype = "tcp"\n[offer]\n"llm.chat" = ["pi"]\nexec = "controllers"\n',
  );
  expect(config.number("services.db.port")).toBe(5432);
  expect(config.text("services.db.type")).toBe("tcp");
  expect(config.texts("offer.llm.chat")).toEqual(["pi"]);
  expect(config.text("offer.exec")).toBe("controllers");
});

test("the example is valid as it stands, and so is all of it without its comment marks, and all of it does something", async () => {
  const text = exampleConfig();
  expect(readText(FILE, text)).toEqual([]);
  const known = readText(FILE, text.replaceAll(/^#(?=[[a-z"])/gm, ""));
  const missing = SETTINGS.filter(({ key }) => !known.some((each) => settingOf(each.key)?.key === key));
  expect(missing).toEqual(SETTINGS.filter(isForLater));
  expect(text).not.toContain("muster up");
  expect(text.split("\n").filter((line) => line.length > 100)).toEqual([]);
});
