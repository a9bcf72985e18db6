// Starts the app that tests put behind a share, as a process of node in a home's name.
import { join } from "node:path";
import { type Home, type Running } from "./harness.ts";

export const APP_FILE = join(import.meta.dir, "app.mjs");

export interface App {
  port: number;
  process: Running;
}

/** On a free port, or again on one that an earlier run had. */
export async function app(home: Home, port = 0): Promise<App> {
  const process = home.spawn([APP_FILE], { program: ["node"], env: { APP_PORT: String(port) } });
  return { port: Number(await process.firstLine()), process };
}

/** What `/echo` tells of the request that reached the app. */
export interface Echo {
  method: string;
  url: string;
  httpVersion: string;
  rawHeaders: string[];
  rawTrailers: string[];
  body: string;
}

/** Pairs of the names in lower case and the values that reached the app, in their order. */
export function pairs(raw: readonly string[]): [string, string][] {
  const found: [string, string][] = [];
  for (let at = 0; at + 1 < raw.length; at += 2)
    found.push([(raw[at] ?? "").toLowerCase(), raw[at + 1] ?? ""]);
  return found;
}
