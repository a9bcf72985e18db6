import { describe, expect, test } from "bun:test";
import { placeOf, problemOf } from "./config.fixture.ts";
import { configuredServices } from "./configured-services.ts";
import { readConfig } from "./read-config.ts";

const FILE = "/home/ada/.muster/muster.toml";

async function services(toml: string, variable?: string, flags: string[] = []) {
  const config = await readConfig(placeOf({ [FILE]: toml }));
  return configuredServices({ config, environment: { MUSTER_SERVICES: variable }, flags });
}

describe("services", () => {
  test("of the configuration have what it says of them", async () => {
    expect(
      await services(
        '[services.api]\nport = 8092\nhealth = "/health"\ntimeout = "2m"\n[services.db]\nport = 5432\n' +
          '[services.odd]\nport = 5433\ntype = "tcp"\n',
      ),
    ).toEqual([
      { name: "api", port: 8092, type: "http", health: "/health", timeoutMs: 120_000 },
      { name: "db", port: 5432, type: "tcp", knownFor: "PostgreSQL", timeoutMs: 30_000 },
      { name: "odd", port: 5433, type: "tcp", timeoutMs: 30_000 },
    ]);
  });

  test("of the variable are words between commas", async () => {
    expect(await services("", "flowmap-api:8092, postgres:5432/tcp,")).toEqual([
      { name: "flowmap-api", port: 8092, type: "http", timeoutMs: 30_000 },
      { name: "postgres", port: 5432, type: "tcp", timeoutMs: 30_000 },
    ]);
    expect(await services("", "")).toEqual([]);
    expect(await services("")).toEqual([]);
  });

  test("of one name are one: flags beat the variable, which beats the file", async () => {
    const toml = '[services.api]\nport = 1000\nhealth = "/up"\ntimeout = "5s"\n';
    expect(await services(toml, "api:2000,b:1", ["api:3000"])).toEqual([
      { name: "api", port: 3000, type: "http", health: "/up", timeoutMs: 5000 },
      { name: "b", port: 1, type: "http", timeoutMs: 30_000 },
    ]);
    // What is asked by HTTP of another protocol would never be well.
    expect(await services(toml, "api:2000/tcp")).toEqual([
      { name: "api", port: 2000, type: "tcp", timeoutMs: 5000 },
    ]);
  });

  test("are refused with the entry that is none, and where it stood", async () => {
    const refused = (variable: string | undefined, flags: string[] = []) =>
      problemOf(services("", variable, flags));
    expect(await refused("api:8092,postgres")).toBe(
      'usage: "postgres" of the variable MUSTER_SERVICES is not of the form name:port or name:port/tcp',
    );
    expect(await refused(undefined, ["API:1"])).toStartWith('usage: "API:1" of --service has a bad name');
    expect(await refused("a:1,a:2")).toBe('usage: the variable MUSTER_SERVICES names "a" twice');
    const many = Array.from({ length: 101 }, (_, at) => `s${at}:${at + 1}/http`).join(",");
    expect(await refused(many)).toContain("101 services are more than the 100 of a device");
  });
});
