import { expect, test } from "bun:test";
import { builtInsOf } from "./configured-built-ins.ts";
import { Config, readText } from "./read-config.ts";

const machine = { environment: {}, userHome: "/home/ada" };
const built = (toml: string, environment: Record<string, string> = {}) =>
  builtInsOf(new Config("/etc/muster/muster.toml", readText("muster.toml", toml)), {
    ...machine,
    environment,
  });

test("without a word Ollama is looked for, and nobody minds where it is not", () => {
  expect(built("").llm).toEqual({ baseUrl: "http://127.0.0.1:11434/v1", isGuess: true });
  expect(built('[llm]\nmodel = "a"\nembedding_model = "b"').llm).toMatchObject({
    model: "a",
    embeddingModel: "b",
  });
});

test("a server is named by its address or as one that is known, and an address goes before a name", () => {
  expect(built('[llm]\nprovider = "openai"\napi_key = "sk"').llm).toMatchObject({
    baseUrl: "https://api.openai.com/v1",
  });
  expect(built('[llm]\nprovider = "vllm"\nbase_url = "http://gpu:9/v1/"').llm).toEqual({
    baseUrl: "http://gpu:9/v1",
  });
  expect(built('[llm]\nprovider = "off"\nbase_url = "http://gpu:9/v1"').llm).toBeUndefined();
});

test("a key is a secret, and one without a server is refused", () => {
  const { llm } = built('[llm]\nprovider = "openai"\napi_key = "sk-1"');
  expect(JSON.stringify(llm)).not.toContain("sk-1");
  expect(llm?.apiKey?.reveal()).toBe("sk-1");
  expect(() => built('[llm]\napi_key = "sk-1"')).toThrow("does not say whose");
});

test("folders of texts stand below the user's home or beside the file that names them", () => {
  const { knowledge } = built('[knowledgebase]\nfolders = ["~/notes", "/srv/texts", "here", "~"]');
  expect(knowledge.folders).toEqual(["/home/ada/notes", "/srv/texts", "/etc/muster/here", "/home/ada"]);
});

test("texts are embedded by a server of this machine, unless somebody says otherwise", () => {
  const embeddings = (value: string) => built(`[knowledgebase]\nembeddings = ${value}`).knowledge.embeddings;
  expect(built("").knowledge.embeddings).toBe("auto");
  expect(embeddings('"auto"')).toBe("auto");
  expect(embeddings("true")).toBe(true);
  expect(embeddings("false")).toBe(false);
  expect(() => embeddings('"yes"')).toThrow('must be true or "auto" or false, not "yes"');
});

test("an engine is looked for where it usually listens, or where DOCKER_HOST says", () => {
  expect(built("").dockerSockets).toContain("/var/run/docker.sock");
  expect(built("", { XDG_RUNTIME_DIR: "/run/user/1" }).dockerSockets).toContain("/run/user/1/docker.sock");
  expect(built("", { DOCKER_HOST: "unix:///tmp/d.sock" }).dockerSockets).toEqual(["/tmp/d.sock"]);
});
