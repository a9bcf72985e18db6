// Every setting there is: its key in muster.toml, what it may be, what it does, and what holds without it. The
// reader, `muster config show` and `muster config example` all follow this one table.
//
// `*` in a key stands for a name that the person chooses.
import { LOG_LEVELS, parseLogLevels } from "../../protocol/log.ts";
import { OPENING_MESSAGES_BURST, OPENING_MESSAGES_PER_SECOND } from "../../protocol/limits.ts";
import {
  grammaticalName,
  hostProblem,
  hubUrlProblem,
  loopbackProblem,
  rangeProblem,
} from "./setting-problems.ts";
import { isModelName } from "../../protocol/capability-words.ts";
import { isHealthPath } from "../../protocol/health-path.ts";
import type { Shape, Value } from "./setting-shapes.ts";

/** What `[llm] provider` may be. */
const LLM_PROVIDERS = ["ollama", "lm-studio", "vllm", "openai", "off"] as const;

export interface Setting {
  key: string;
  shape: Shape;
  /** One sentence for the example file. */
  about: string;
  /** For the example file. */
  example: Value;
  /** What holds when nobody says anything; absent where there is nothing then. */
  fallback?: Value;
  /** The variable of the environment that says the same. */
  variable?: string;
  /** Never shown; the file that holds one must be for its owner alone. */
  secret?: true;
}

const text = (problem?: (text: string) => string | undefined): Shape => ({
  kind: "text",
  maxLength: 1000,
  ...(problem === undefined ? {} : { problem }),
});
const texts = (problem?: (text: string) => string | undefined): Shape => ({
  kind: "texts",
  maxLength: 300,
  ...(problem === undefined ? {} : { problem }),
});
const choice = (...of: string[]): Shape => ({ kind: "choice", of });
const number = (min: number, max: number): Shape => ({ kind: "number", min, max });
const duration = text((value) =>
  /^\d{1,6}(?:s|m|h|d)$/.test(value) ? undefined : "must be a time such as 30s, 15m, 4h or 2d",
);
const FLAG: Shape = { kind: "flag" };
const PORT = number(0, 65_535);
const SERVICE_PORT = number(1, 65_535);
/** Far above what one machine serves: a bound that is meant to be none. */
const MANY = 1_000_000;

export const SETTINGS: readonly Setting[] = [
  {
    key: "log_level",
    shape: text((value) =>
      parseLogLevels(value) === undefined || value === ""
        ? `must be one of ${LOG_LEVELS.join(", ")}`
        : undefined,
    ),
    about: 'How much is logged: "error", "warn", "info" or "debug"; parts as in "info,edge=debug".',
    example: "info",
    variable: "MUSTER_LOG",
  },
  {
    key: "location",
    shape: { kind: "text", maxLength: 50 },
    about: "Where this machine stands. Shown in lists, never used for routing.",
    example: "rack 4",
    variable: "MUSTER_LOCATION",
  },
  {
    key: "disable_capabilities",
    shape: texts(),
    about: "Capabilities that this device does not offer, although it could.",
    example: ["llm.chat"],
    fallback: [],
  },
  {
    key: "server.host",
    shape: text(loopbackProblem),
    about: "Address of the agent's local API: a loopback address.",
    example: "127.0.0.1",
    fallback: "127.0.0.1",
    variable: "MUSTER_SERVER_HOST",
  },
  {
    key: "server.port",
    shape: PORT,
    about: "Port of the agent's local API. Without it 7575, or the next that is free.",
    example: 7575,
    variable: "MUSTER_SERVER_PORT",
  },
  {
    key: "hub.url",
    shape: text(hubUrlProblem),
    about: "The hub that `muster init` joins when it is given none.",
    example: "https://muster.example.com",
    variable: "MUSTER_HUB_URL",
  },
  {
    key: "hub.host",
    shape: text(),
    about: "Address that a hub on this machine listens on.",
    example: "0.0.0.0",
    variable: "MUSTER_HUB_HOST",
  },
  {
    key: "hub.port",
    shape: PORT,
    about: "Port that a hub on this machine listens on. Without it the last one, else 8080.",
    example: 8080,
    variable: "PORT",
  },
  {
    key: "hub.domain",
    shape: text(hostProblem),
    about: "Public domain of a hub on this machine: devices and shares are names under it.",
    example: "example.com",
    variable: "MUSTER_HUB_DOMAIN",
  },
  {
    key: "hub.share_domain",
    shape: text(hostProblem),
    about: "A domain of its own for shares, so that none of them is a sibling of the page.",
    example: "example.net",
    variable: "MUSTER_HUB_SHARE_DOMAIN",
  },
  {
    key: "hub.public_port",
    shape: SERVICE_PORT,
    about: "Port that visitors use, where a proxy stands in front of the hub. 443 means https.",
    example: 443,
    variable: "MUSTER_HUB_PUBLIC_PORT",
  },
  {
    key: "hub.trusted_proxy",
    shape: texts(rangeProblem),
    about: "Proxies in front of the hub, or ranges with nothing but such: their X-Forwarded-* is believed.",
    example: ["127.0.0.1"],
    fallback: [],
    variable: "MUSTER_HUB_TRUSTED_PROXY",
  },
  {
    key: "hub.cert",
    shape: text(),
    about: "The hub's TLS certificate chain, a PEM file.",
    example: "/etc/muster/chain.pem",
  },
  {
    key: "hub.key",
    shape: text(),
    about: "Its private key, a PEM file.",
    example: "/etc/muster/key.pem",
  },
  {
    key: "services.*.port",
    shape: SERVICE_PORT,
    about: "Ports of this machine that its owners may reach by name.",
    example: 5432,
  },
  {
    key: "services.*.type",
    shape: choice("http", "tcp"),
    about: "What speaks there. Without it http, but on ports that are known for something else.",
    example: "tcp",
  },
  {
    key: "services.*.health",
    shape: text(healthPathProblem),
    about: "Path that is asked every 10 s, of an http service.",
    example: "/health",
  },
  {
    key: "services.*.timeout",
    shape: duration,
    about: "How long the first byte of an answer may take.",
    example: "30s",
    fallback: "30s",
  },
  {
    key: "tasks.database_url",
    shape: text(),
    about:
      "Where this device keeps its tasks: sqlite:PATH, or postgres://…, which several devices may share.",
    example: "postgres://muster:password@db.example/muster",
    variable: "MUSTER_DATABASE_URL",
    secret: true,
  },
  {
    key: "tasks.max_running",
    shape: number(1, 256),
    about: "How many tasks run at once here; the others wait.",
    example: 16,
    fallback: 16,
  },
  {
    key: "llm.base_url",
    shape: text(urlProblem),
    about: "An OpenAI-compatible endpoint behind llm.chat. Without it, Ollama on this machine is looked for.",
    example: "http://127.0.0.1:11434/v1",
  },
  {
    key: "llm.provider",
    shape: choice(...LLM_PROVIDERS),
    about: 'A known one in place of `base_url`; "off" looks for none.',
    example: "ollama",
    variable: "MUSTER_LLM_PROVIDER",
  },
  {
    key: "llm.api_key",
    shape: text(),
    about: "Its key. What costs money is for controllers alone, unless [offer] says otherwise.",
    example: "sk-…",
    variable: "MUSTER_LLM_API_KEY",
    secret: true,
  },
  {
    key: "llm.model",
    shape: text(modelProblem),
    about: "The model that is used when none is asked for.",
    example: "qwen3:8b",
  },
  {
    key: "llm.embedding_model",
    shape: text(modelProblem),
    about: "The model behind embeddings. Without it, one whose name says that it embeds.",
    example: "nomic-embed-text",
    variable: "MUSTER_EMBEDDING_MODEL",
  },
  {
    key: "knowledgebase.folders",
    shape: texts(),
    about: "Folders of text and Markdown that the owner may search.",
    example: ["~/notes"],
    fallback: [],
  },
  {
    key: "knowledgebase.embeddings",
    shape: { kind: "flag", or: ["auto"] },
    about:
      "Whether they are found by their meaning too: true sends them to the server of [llm] wherever it is, " +
      '"auto" to one of this machine alone.',
    example: true,
    fallback: "auto",
  },
  {
    key: "policy.exec",
    shape: choice("owner", "off"),
    about: "Who may run commands on this device.",
    example: "owner",
    fallback: "owner",
  },
  {
    key: "policy.browser",
    shape: choice("on", "off"),
    about: "Whether a browser's key may command this device.",
    example: "on",
    fallback: "on",
  },
  {
    key: "policy.hub",
    shape: choice("nothing", "lists", "compute"),
    about:
      "What the hub may ask of this device by itself, for its own API: nothing, lists of tasks, or also what computes " +
      "(models and the like) and is for all members, for persons who are signed in there.",
    example: "lists",
    fallback: "lists",
  },
  {
    key: "offer.*",
    shape: { kind: "texts", maxLength: 300, or: ["controllers", "members"] },
    about:
      'Who may use a capability: "controllers", "members", or a list of devices by their ids, or by the names that ' +
      "they joined with.",
    example: "controllers",
  },
  {
    key: "links.named",
    shape: FLAG,
    about:
      "Take a Cloudflare named tunnel. Whoever holds the hub's Cloudflare token can then point it at any " +
      "address that this device reaches.",
    example: false,
    fallback: false,
  },
  {
    key: "hooks.post_up",
    shape: text(),
    about: "A command of this machine that runs after `muster up` has made a VM.",
    example: "echo ready",
  },
  {
    key: "hooks.pre_down",
    shape: text(),
    about: "A command of this machine that runs before `muster down` destroys one.",
    example: "echo going",
  },
  { key: "cloud.provider", shape: text(), about: "The provider of `muster up`.", example: "digitalocean" },
  { key: "cloud.region", shape: text(), about: "Where its VMs stand.", example: "nyc1" },
  { key: "cloud.size", shape: text(), about: "How large they are.", example: "s-2vcpu-4gb" },
  { key: "cloud.image", shape: text(), about: "What they boot.", example: "ubuntu-24-04-x64" },
  { key: "cloud.ssh_user", shape: text(), about: "Their user.", example: "dev", fallback: "dev" },
  { key: "cloud.ssh_key", shape: text(), about: "The key that logs in there.", example: "~/.ssh/id_ed25519" },
  { key: "cloud.idle", shape: duration, about: "Idle for so long, a VM is destroyed.", example: "2h" },
  { key: "cloud.max_life", shape: duration, about: "So old, a VM is destroyed.", example: "12h" },
  {
    key: "cloud.dotfiles",
    shape: text(),
    about: "A repository of dotfiles for each VM.",
    example: "https://github.com/ada/dotfiles",
  },
  { key: "cloud.assistants", shape: texts(), about: "Coding assistants to install there.", example: [] },
  { key: "cloud.timeouts.boot", shape: duration, about: "How long a VM may take to boot.", example: "5m" },
  {
    key: "providers.*.token",
    shape: text(),
    about: "A provider's API token; the environment (DIGITALOCEAN_TOKEN, HETZNER_TOKEN) wins.",
    example: "dop_v1_…",
    secret: true,
  },
  {
    key: "limits.messages_per_second",
    shape: number(1, MANY),
    about: "Messages that open something, per device and second, at a hub.",
    example: OPENING_MESSAGES_PER_SECOND,
    fallback: OPENING_MESSAGES_PER_SECOND,
  },
  {
    key: "limits.messages_burst",
    shape: number(1, MANY),
    about: "How many of them may come at once.",
    example: OPENING_MESSAGES_BURST,
    fallback: OPENING_MESSAGES_BURST,
  },
  {
    key: "limits.unproven_sockets",
    shape: number(1, MANY),
    about: "Connections of one source that have not yet said who they are.",
    example: 100,
    fallback: 100,
  },
  {
    key: "limits.connections",
    shape: number(1, MANY),
    about: "Connections to the hub, all together.",
    example: 50_000,
    fallback: 50_000,
  },
  {
    key: "limits.entries_per_minute",
    shape: number(1, MANY),
    about: "Sign-ins and token claims of one source and minute, at a hub.",
    example: 10,
    fallback: 10,
  },
  {
    key: "pairing.guests",
    shape: FLAG,
    about: "Whether a hub lets keys that are not enrolled pair, send and receive.",
    example: false,
  },
];

/** What a name in a key (`*`) must look like. */
export const nameProblem = grammaticalName;

/** Of machines that Muster makes and ends itself: checked where they stand, and used by nothing in this version. */
export function isForLater({ key }: Pick<Setting, "key">): boolean {
  return /^(?:cloud|hooks|providers)\./.test(key);
}

function urlProblem(value: string): string | undefined {
  return URL.canParse(value) && /^https?:\/\//.test(value) ? undefined : "must be an http or https address";
}

// What the hub would not take of a device is found here, where it was written: it shuts out who says it.

function healthPathProblem(value: string): string | undefined {
  if (!value.startsWith("/")) return "must be a path that begins with /";
  return isHealthPath(value)
    ? undefined
    : "must be a path of at most 200 printable ASCII characters, without blanks";
}

function modelProblem(value: string): string | undefined {
  return isModelName(value)
    ? undefined
    : "must be the name of a model: up to 128 printable ASCII characters, without blanks";
}
