import { expect, test } from "bun:test";
import { MusterError } from "../protocol/errors.ts";
import { SILENT_LOG } from "../protocol/log.ts";
import { diskOf, problemOf, type TestFile } from "./config/config.fixture.ts";
import { findRegistration, register, type Registration } from "./registration-file.ts";

const HOME = "/home/ada/.muster/registration";
const SYSTEM = "/etc/muster/registration";
const TEXT = 'hub_url = "https://example.com"\ntoken = "mst1_abc"\n';

function machine(files: Record<string, string | TestFile>) {
  const changed: string[] = [];
  const disk = {
    ...diskOf(files),
    remove: async (path: string) => void changed.push(`remove ${path}`),
    rename: async (from: string, to: string) => void changed.push(`${from} -> ${to}`),
  };
  return { disk, changed };
}

function find(files: Record<string, string | TestFile>, environment: Record<string, string> = {}) {
  return findRegistration(machine(files).disk, { home: "/home/ada/.muster", cwd: "/", environment });
}

test("the named one comes first, then the home's, then the machine's", async () => {
  const all = { "/srv/reg": TEXT, [HOME]: TEXT, [SYSTEM]: TEXT };
  expect((await find(all, { MUSTER_REGISTRATION_FILE: "/srv/reg" }))?.path).toBe("/srv/reg");
  expect((await find(all))?.path).toBe(HOME);
  expect((await find({ [SYSTEM]: TEXT }))?.path).toBe(SYSTEM);
  expect(await find({})).toBeUndefined();
  expect(await problemOf(find({ [HOME]: TEXT }, { MUSTER_REGISTRATION_FILE: "/gone" }))).toBe(
    'usage: there is no "/gone", which MUSTER_REGISTRATION_FILE names',
  );
});

test("it names hub, token and, if wished, a name and an authority; the token never shows", async () => {
  const found = await find({ [HOME]: `${TEXT}name = "pi"\nca = "/etc/muster/ca.pem"\n` });
  expect(found).toMatchObject({ hubUrl: "https://example.com", name: "pi", ca: "/etc/muster/ca.pem" });
  expect(found?.token.reveal()).toBe("mst1_abc");
  expect(JSON.stringify(found)).not.toContain("mst1_abc");
});

test.each([
  ["without a token", 'hub_url = "https://example.com"'],
  ["with a hub that is none", 'hub_url = "example"\ntoken = "x"'],
  ["with a word too much", `${TEXT}run = "rm"`],
  ["with an authority at no certain place", `${TEXT}ca = "ca.pem"`],
  ["with a bad name", `${TEXT}name = "-x"`],
  ["that is no TOML", "hub_url ="],
])("one %s is refused", async (_, text) => {
  expect(await problemOf(find({ [HOME]: text }))).toBe(`invalid: "${HOME}" is no registration file`);
});

test("one that others can read is refused", async () => {
  expect(await problemOf(find({ [HOME]: { text: TEXT, mode: 0o644 } }))).toStartWith("state_unsafe:");
});

function registering(answers: (MusterError | undefined)[]) {
  const { disk, changed } = machine({});
  const waits: number[] = [];
  const stop = new AbortController();
  const parts = {
    disk,
    random: { fraction: () => 1 },
    log: SILENT_LOG,
    stop: stop.signal,
    timers: {
      after(delayMs: number, run: () => void) {
        waits.push(delayMs);
        queueMicrotask(run);
        return { cancel() {} };
      },
    },
    async join() {
      const answer = answers.shift();
      if (answer !== undefined) throw answer;
    },
  };
  return { parts, waits, changed, stop };
}

const AWAY = new MusterError("hub_unreachable", "away");

async function registration(): Promise<Registration> {
  const found = await find({ [HOME]: TEXT });
  if (found === undefined) throw new Error("there is one");
  return found;
}

test("a hub that is away is asked again, ever more slowly, and the spent file is deleted", async () => {
  const { parts, waits, changed } = registering([...Array.from({ length: 8 }, () => AWAY), undefined]);
  await register(parts, await registration());
  expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
  expect(changed).toEqual([`remove ${HOME}`]);
});

test("a refusal is said once, and the file is not tried again", async () => {
  const { parts, changed } = registering([AWAY, new MusterError("token_invalid", "this token is not valid")]);
  expect(await problemOf(register(parts, await registration()))).toBe(
    "token_invalid: the hub at https://example.com refused the registration file: this token is not valid",
  );
  expect(changed).toEqual([`${HOME} -> ${HOME}.refused`]);
});

test("told to stop, it stops, and keeps the file", async () => {
  const { parts, changed, stop } = registering([AWAY]);
  stop.abort(new MusterError("unavailable", "told to stop"));
  expect(await problemOf(register(parts, await registration()))).toBe("unavailable: told to stop");
  expect(changed).toEqual([]);
});
