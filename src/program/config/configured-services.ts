// The services that the configuration names: `[services.NAME]` with a port, and what speaks there.
import type { Config } from "./read-config.ts";

export interface ConfiguredService {
  name: string;
  port: number;
  type: "http" | "tcp";
}

export function configuredServices(config: Config): ConfiguredService[] {
  return config.all.flatMap(({ key, value }) => {
    const [, name] = /^services\.([^.]+)\.port$/.exec(key) ?? [];
    if (name === undefined || typeof value !== "number") return [];
    return [{ name, port: value, type: config.text(`services.${name}.type`) === "tcp" ? "tcp" : "http" }];
  });
}
