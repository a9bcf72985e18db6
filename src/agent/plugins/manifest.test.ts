import { expect, test } from "bun:test";
import { parseToml, tomlLines } from "../../program/config/toml-source.ts";
import { readManifest } from "./manifest.ts";

const toml = { parse: parseToml, lines: tomlLines };
const read = (text: string) => readManifest(text, toml);

const GOOD = `name = "uzu"
[[capabilities]]
protocol = "llm.chat"
version = "1.0.0"
[run]
command = ["./serve"]
`;

test("a manifest says what is offered and how it is run", () => {
  expect(read(GOOD)).toEqual({
    ok: true,
    manifest: {
      name: "uzu",
      capabilities: [{ protocol: "llm.chat", version: "1.0.0", class: "compute", models: [] }],
      queries: [],
      run: { command: ["./serve"] },
    },
  });
});

test.each([
  ["llm.chat", "compute"],
  ["embeddings", "compute"],
  ["knowledgebase", "read"],
  ["disk.clean", "control"],
  ["constructor", "control"],
])("without a class, %s is %s", (protocol, kind) => {
  const result = read(GOOD.replace("llm.chat", protocol));
  expect(result).toMatchObject({ ok: true, manifest: { capabilities: [{ class: kind }] } });
});

test("queries alone are a plugin too, and an address of this machine a way to run it", () => {
  const text = `name = "q"\n[[queries]]\nname = "disk.report"\n[run]\nurl = "http://127.0.0.1:9000/rpc"\n`;
  expect(read(text)).toMatchObject({
    ok: true,
    manifest: { queries: ["disk.report"], run: { url: "http://127.0.0.1:9000/rpc" } },
  });
});

test.each([
  ["no TOML", "name = uzu\n", 1, ""],
  ["no name", GOOD.replace('name = "uzu"\n', ""), 1, "`name` is missing"],
  ["a name with a path in it", GOOD.replace("uzu", "../uzu"), 1, "`name` must have"],
  ["a bad protocol", GOOD.replace("llm.chat", "LLM"), 3, "`capabilities.0.protocol` must be words"],
  ["a bad version", GOOD.replace("1.0.0", "v1"), 4, "`capabilities.0.version` must be three numbers"],
  ["no version", GOOD.replace('version = "1.0.0"\n', ""), 2, "`capabilities.0.version` is missing"],
  ["a class that does not exist", GOOD.replace("[run]", 'class = "all"\n[run]'), 5, "must be one of compute"],
  [
    "an unknown key",
    GOOD.replace("[run]", 'klass = "read"\n[run]'),
    5,
    "`capabilities.0.klass` is no setting; there are protocol, version, class, models",
  ],
  [
    "a misspelt key",
    GOOD.replace("version", "verison"),
    4,
    "`capabilities.0.verison` is no setting; there are protocol, version",
  ],
  ["a misspelt table", GOOD.replace("[run]", "[runs]"), 5, "`runs` is no setting; there are name, capab"],
  ["a key of [run]", `${GOOD}env = "x"\n`, 7, "`run.env` is no setting; there are command, url"],
  ["no way to run it", GOOD.replace('command = ["./serve"]\n', ""), 5, "either `command` or `url`"],
  ["two ways to run it", `${GOOD}url = "http://127.0.0.1:1"\n`, 5, "either `command` or `url`"],
  ["no [run]", GOOD.slice(0, GOOD.indexOf("[run]")), 1, "`run` is missing"],
  ["an empty command", GOOD.replace('["./serve"]', "[]"), 6, "`run.command` must be a list of words"],
  ["a command that is a text", GOOD.replace('["./serve"]', '"./serve"'), 6, "must be a list of words"],
  [
    "an address elsewhere",
    GOOD.replace('command = ["./serve"]', 'url = "http://10.0.0.1:80"'),
    6,
    "must be an address of this machine",
  ],
  ["nothing that it offers", 'name = "x"\n[run]\ncommand = ["x"]\n', 1, "declares neither"],
  [
    "a protocol twice",
    GOOD.replace("[run]", '[[capabilities]]\nprotocol = "llm.chat"\nversion = "2.0.0"\n[run]'),
    5,
    "`capabilities.1` is declared twice",
  ],
  ["a query with a bad name", `${GOOD}[[queries]]\nname = "9"\n`, 8, "must begin with a letter"],
] as const)("%s is refused with its line", (_, text, line, problem) => {
  const result = read(text);
  expect(result).toMatchObject({ ok: false, line, problem: expect.stringContaining(problem) });
});
