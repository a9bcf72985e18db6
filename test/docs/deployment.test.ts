// The files that put a hub somewhere: what a tool can't check here is read for what must hold.
import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { Glob, TOML, YAML } from "bun";
import { SETTINGS } from "../../src/program/config/settings.ts";

const root = resolve(import.meta.dir, "../..");
const read = (name: string) => Bun.file(join(root, name)).text();

interface Instruction {
  name: string;
  words: string;
}

const dockerfile = instructionsOf(await read("Dockerfile"));
const of = (name: string) => dockerfile.filter((each) => each.name === name).map(({ words }) => words);

/** Lines that end in a backslash go on; lines that begin with # do not count. */
function instructionsOf(text: string): Instruction[] {
  const whole = text.replace(/^\s*#[^\n]*\n/gm, "").replaceAll("\\\n", "");
  return whole
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const [, name = "", words = ""] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
      return { name, words };
    });
}

describe("Dockerfile", () => {
  test("has only instructions that there are", () => {
    const known =
      "FROM RUN CMD LABEL EXPOSE ENV COPY ENTRYPOINT VOLUME USER WORKDIR ARG STOPSIGNAL HEALTHCHECK";
    for (const { name } of dockerfile) expect(known.split(" ")).toContain(name);
    expect(of("FROM").every((words) => /^\S+(?: AS [a-z-]+)?$/.test(words))).toBe(true);
  });

  test("runs what a shell can read", () => {
    for (const words of of("RUN")) expect([words, shellProblem(words)]).toEqual([words, ""]);
  });

  test("copies what is there, and what the build context is not without", async () => {
    const ignored = ignoring(await read(".dockerignore"));
    for (const words of of("COPY").filter((each) => !each.startsWith("--from"))) {
      for (const source of words.split(" ").slice(0, -1)) {
        expect([source, existsSync(join(root, source)), ignored(source)]).toEqual([source, true, false]);
      }
    }
  });

  test("keeps secrets, tests and what is built here out of the context", async () => {
    const ignored = ignoring(await read(".dockerignore"));
    for (const path of [
      ".git",
      "node_modules",
      "dist",
      "web/dist",
      ".env",
      "test",
      "src/program/join.test.ts",
    ]) {
      expect([path, ignored(path)]).toEqual([path, true]);
    }
  });

  test("gives its words as lists, so that the program gets the signals itself", () => {
    for (const words of [...of("CMD"), ...of("ENTRYPOINT"), ...of("HEALTHCHECK")]) {
      const list = JSON.parse(words.slice(words.indexOf("["))) as string[];
      const script = list.indexOf("-c");
      if (script > 0) expect(shellProblem(list[script + 1] ?? "")).toBe("");
    }
  });

  test("ends as a user that is not root, with its state in a volume of that user's", () => {
    const stage = (name: string) => {
      const begin = dockerfile.findIndex(
        (each) => each.name === "FROM" && each.words.endsWith(` AS ${name}`),
      );
      const rest = dockerfile.slice(begin + 1);
      return rest.slice(
        0,
        rest.findIndex((each) => each.name === "FROM"),
      );
    };
    expect(of("FROM").at(-1)).toBe("hub");
    const hub = new Map(stage("hub").map(({ name, words }) => [name, words]));
    expect(hub.get("USER")).toBe("muster");
    expect(hub.get("VOLUME")).toBe("/data");
    expect(hub.get("ENV")).toBe("MUSTER_HOME=/data");
    expect(hub.get("RUN")).toContain("install -d -m 700 -o muster -g muster /data");
    expect(hub.get("HEALTHCHECK")).toContain("/health");
  });

  const hadolint = Bun.which("hadolint");
  test.skipIf(hadolint === null)(`passes hadolint${hadolint === null ? " (not installed here)" : ""}`, () => {
    const ran = Bun.spawnSync([hadolint ?? "", join(root, "Dockerfile")]);
    expect(ran.stdout.toString()).toBe("");
  });
});

describe("compose.yaml", () => {
  interface Service {
    volumes?: string[];
    restart?: string;
    network_mode?: string;
    depends_on?: Record<string, unknown>;
    command?: string[];
    ports?: string[];
  }

  test("names only what it has, and starts all of it again", async () => {
    const file = YAML.parse(await read("compose.yaml")) as {
      services: Record<string, Service>;
      volumes: Record<string, unknown>;
    };
    expect(Object.keys(file).toSorted()).toEqual(["services", "volumes"]);
    for (const [name, service] of Object.entries(file.services)) {
      expect([name, Object.keys(service).filter((key) => !COMPOSE_KEYS.includes(key))]).toEqual([name, []]);
      expect([name, service.restart]).toEqual([name, "unless-stopped"]);
      for (const other of Object.keys(service.depends_on ?? {})) expect(file.services).toHaveProperty(other);
      const [kind, of] = (service.network_mode ?? "").split(":");
      if (kind === "service") {
        expect(file.services).toHaveProperty(of ?? "");
        expect(service.ports).toBeUndefined();
      }
      for (const volume of service.volumes ?? []) {
        const [from = "", to = ""] = volume.split(":");
        expect(to).toStartWith("/");
        if (from.startsWith("./")) expect(existsSync(join(root, from))).toBe(true);
        else expect(file.volumes).toHaveProperty(from);
      }
    }
    expect(file.services["hub"]?.command).toContain("--behind-proxy");
  });
});

const COMPOSE_KEYS =
  `build image command restart init read_only cap_drop security_opt tmpfs volumes stop_grace_period ports
  network_mode depends_on`.split(/\s+/);

describe("fly.toml", () => {
  interface Fly {
    build: { dockerfile: string; "build-target": string };
    env: Record<string, string>;
    mounts: { destination: string };
    services: { internal_port: number; min_machines_running: number; auto_stop_machines: string }[];
  }

  test("builds a stage that there is, and sets what there is to set", async () => {
    const file = TOML.parse(await read("fly.toml")) as Fly;
    expect(existsSync(join(root, file.build.dockerfile))).toBe(true);
    expect(of("FROM")).toContain(`hub AS ${file.build["build-target"]}`);
    const variables = SETTINGS.map(({ variable }) => variable);
    for (const name of Object.keys(file.env)) expect(variables).toContain(name);
    expect(of("VOLUME")).toEqual([file.mounts.destination]);
    expect(file.services.map((each) => String(each.internal_port))).toEqual([file.env["PORT"] ?? ""]);
    // Every device is connected all the time.
    expect(file.services[0]).toMatchObject({ min_machines_running: 1, auto_stop_machines: "off" });
  });
});

const caddy = Bun.which("caddy");
describe.skipIf(caddy === null)(`Caddyfile${caddy === null ? " (needs caddy)" : ""}`, () => {
  test("is one, as Caddy itself would write it", () => {
    const file = join(root, "Caddyfile");
    const valid = Bun.spawnSync([caddy ?? "", "validate", "--config", file, "--adapter", "caddyfile"]);
    expect([valid.exitCode, valid.stdout.toString()]).toEqual([
      0,
      expect.stringContaining("Valid configuration"),
    ]);
    expect(Bun.spawnSync([caddy ?? "", "fmt", file]).stdout.toString()).toBe(
      Bun.spawnSync(["cat", file]).stdout.toString(),
    );
  });
});

function shellProblem(text: string): string {
  return Bun.spawnSync(["sh", "-n"], { stdin: new TextEncoder().encode(text) }).stderr.toString();
}

/** The last line that speaks of a path, or of a folder above it, decides. */
function ignoring(text: string): (path: string) => boolean {
  const rules = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return (path) => {
    const parts = path.split("/");
    const paths = parts.map((_, at) => parts.slice(0, at + 1).join("/"));
    let out = false;
    for (const rule of rules) {
      const glob = new Glob(rule.replace(/^!/, ""));
      if (paths.some((each) => glob.match(each))) out = !rule.startsWith("!");
    }
    return out;
  };
}
