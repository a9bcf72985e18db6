// What models, texts and engines this machine offers, as its configuration says. Without a word, Ollama is looked for
// where it usually listens.
import { dirname, join, resolve } from "node:path";
import type { BuiltInOptions } from "../../agent/built-in-options.ts";
import type { LlmOptions } from "../../agent/llm/llm-source.ts";
import { Secret } from "../../identity/secret.ts";
import { MusterError } from "../../protocol/errors.ts";
import { realPrograms } from "../../world/programs.ts";
import type { Config } from "./read-config.ts";
import { parseToml, tomlLines } from "./toml-source.ts";

interface Machine {
  environment: Readonly<Record<string, string | undefined>>;
  userHome: string;
}

const OLLAMA = "http://127.0.0.1:11434/v1";
const PROVIDERS: Readonly<Record<string, string>> = {
  ollama: OLLAMA,
  "lm-studio": "http://127.0.0.1:1234/v1",
  vllm: "http://127.0.0.1:8000/v1",
  openai: "https://api.openai.com/v1",
};

export function builtInsOf(config: Config, machine: Machine): BuiltInOptions {
  const llm = llmOf(config);
  return {
    programs: realPrograms,
    toml: { parse: parseToml, lines: tomlLines },
    ...(llm === undefined ? {} : { llm }),
    knowledge: {
      folders: config
        .texts("knowledgebase.folders")
        .map((folder) => absolute(folder, { ...machine, from: dirname(config.path ?? "muster.toml") })),
      embeddings: config.flag("knowledgebase.embeddings") ?? "auto",
    },
    dockerSockets: dockerSockets(machine),
  };
}

function llmOf(config: Config): LlmOptions | undefined {
  const provider = config.text("llm.provider");
  if (provider === "off") return undefined;
  const named = config.text("llm.base_url") ?? PROVIDERS[provider ?? ""];
  const key = config.text("llm.api_key");
  const model = config.text("llm.model");
  const embeddingModel = config.text("llm.embedding_model");
  if (key !== undefined && named === undefined) {
    throw new MusterError("invalid", "[llm] has an api_key, and does not say whose", {
      hint: 'name its server: base_url = "https://…/v1", or provider = "openai"',
    });
  }
  return {
    baseUrl: (named ?? OLLAMA).replace(/\/+$/, ""),
    ...(named === undefined ? { isGuess: true as const } : {}),
    ...(key === undefined ? {} : { apiKey: new Secret(key) }),
    ...(model === undefined ? {} : { model }),
    ...(embeddingModel === undefined ? {} : { embeddingModel }),
  };
}

/** Where the person stands is not where the agent does: from the file that names it. */
function absolute(folder: string, { userHome, from }: { userHome: string; from: string }): string {
  if (folder === "~" || folder.startsWith("~/")) return join(userHome, folder.slice(2));
  return resolve(from, folder);
}

function dockerSockets({ environment, userHome }: Machine): string[] {
  const host = environment["DOCKER_HOST"];
  if (host?.startsWith("unix://") === true) return [host.slice("unix://".length)];
  const runtime = environment["XDG_RUNTIME_DIR"];
  return [
    "/var/run/docker.sock",
    ...(runtime === undefined ? [] : [join(runtime, "docker.sock")]),
    join(userHome, ".docker", "run", "docker.sock"),
  ];
}
