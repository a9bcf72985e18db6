// What this device offers besides its own tasks and shells: its plugins, what models do here, texts, an engine. The
// first that offers a protocol has it, so that a plugin goes before what is found by itself.
import { DockerSource } from "../capabilities/docker-source.ts";
import type { CapabilityBook } from "../capabilities/capability-book.ts";
import type { AgentOptions } from "../agent-options.ts";
import { LlmSource } from "../llm/llm-source.ts";
import { PluginFolder } from "../plugins/plugin-folder.ts";
import { PluginLeftovers } from "../plugins/plugin-leftovers.ts";
import type { Core } from "./open-core.ts";
import type { Ends } from "./ends.ts";
import { openKnowledgebase, type OpenKnowledgebase, type OwnModels } from "./open-knowledgebase.ts";

export function openBuiltIns(
  options: AgentOptions,
  { core, book, ends }: { core: Core; book: CapabilityBook; ends: Ends },
): void {
  const { world, log, paths, environment, builtIns, command, offering } = options;
  if (builtIns === undefined) return;
  const { notices } = core;
  const { programs, toml, llm, knowledge, dockerSockets: sockets } = builtIns;
  const changed = (): void => book.changed();
  const pluginLog = log.part("plugins");
  const leftovers = new PluginLeftovers({ ...world, log: pluginLog, path: `${paths.home}/plugins.json` });
  ends.add(() => leftovers.settled());
  const plugins = new PluginFolder({
    ...world,
    leftovers,
    programs,
    toml,
    environment,
    notices,
    log: pluginLog,
    folder: `${paths.home}/plugins`,
    changed,
  });
  ends.add(() => plugins.close());
  book.add(plugins);
  core.inBackground(
    "plugins",
    leftovers.clear().then(() => plugins.look()),
  );
  if (command !== undefined && command.policy.exec !== "off" && sockets.length > 0) {
    const docker = new DockerSource({ ...world, sockets, changed });
    ends.add(() => docker.close());
    book.add(docker);
  }
  let opened: OpenKnowledgebase | undefined;
  let models: OwnModels | undefined;
  if (llm !== undefined) {
    const trouble = (text: string | undefined): void => {
      if (text === undefined) notices.clear("llm");
      else notices.set("llm", `[llm] ${llm.baseUrl}: ${text}`);
    };
    const modelsChanged = (): void => {
      changed();
      opened?.modelsChanged();
    };
    const source = new LlmSource({ ...world, log: log.part("llm"), changed: modelsChanged, trouble }, llm);
    ends.add(() => source.close());
    book.add(source);
    models = { options: llm, source };
  }
  // What nobody may search is neither read nor embedded.
  const isDisabled = offering?.disabled.includes("knowledgebase") === true;
  if (knowledge.folders.length > 0 && !isDisabled) {
    opened = openKnowledgebase(options, knowledge, { core, book, ends, models });
  }
}
