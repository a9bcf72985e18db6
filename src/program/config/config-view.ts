// The configuration as `muster config show` tells it: secrets stay secret, origins are words.
import type { ConfigView } from "../../cli/surroundings.ts";
import type { Config, Origin } from "./read-config.ts";

const HIDDEN = "‹secret›";

export function configView(config: Config): ConfigView {
  return {
    path: config.path ?? null,
    values: config.all.map(({ key, value, origin, secret }) => ({
      key,
      value: secret ? HIDDEN : value,
      origin: words(origin),
    })),
  };
}

function words(origin: Origin): string {
  switch (origin.kind) {
    case "flag":
      return origin.flag;
    case "environment":
      return origin.variable;
    case "file":
      return `${origin.path}:${origin.line}`;
    case "built in":
      return "built in";
  }
}
