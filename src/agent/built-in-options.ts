// What the home's configuration says of what this device offers by itself.
import type { LlmOptions } from "./llm/llm-source.ts";
import type { TomlReader } from "./plugins/manifest.ts";
import type { Programs } from "../world/world.ts";

export interface BuiltInOptions {
  programs: Programs;
  toml: TomlReader;
  /** Absent: none is asked, not even one that is found by itself. */
  llm?: LlmOptions;
  knowledge: KnowledgebaseOptions;
  /** Where a Docker engine may listen. */
  dockerSockets: readonly string[];
}

export interface KnowledgebaseOptions {
  /** Absolute. */
  folders: readonly string[];
  /** "auto": by a server of this machine alone. */
  embeddings: boolean | "auto";
}
