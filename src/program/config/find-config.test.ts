import { expect, test } from "bun:test";
import { placeOf, problemOf } from "./config.fixture.ts";
import { findConfig, type ConfigPlace } from "./find-config.ts";

const FLAG = "/srv/own.toml";
const FOLDER = "/srv/folder/muster.toml";
const HOME = "/home/ada/.muster/muster.toml";
const XDG = "/home/ada/xdg/muster/muster.toml";
const DOT_CONFIG = "/home/ada/.config/muster/muster.toml";
const MAC = "/home/ada/Library/Application Support/Muster/muster.toml";
const SYSTEM = "/etc/muster/muster.toml";
const ALL = [FLAG, FOLDER, HOME, XDG, DOT_CONFIG, MAC, SYSTEM];

const person = { HOME: "/home/ada" };
const rows: {
  what: string;
  place: Partial<ConfigPlace>;
  /** Which of the files there are; all of them by default. */
  there?: string[];
  found: string | undefined;
}[] = [
  {
    what: "--config is first",
    place: { flag: FLAG, environment: { ...person, MUSTER_CONFIG_DIR: "/srv/folder" } },
    found: FLAG,
  },
  {
    what: "--config is taken from the working folder",
    place: { flag: "own.toml", cwd: "/srv" },
    found: FLAG,
  },
  {
    what: "then MUSTER_CONFIG_DIR",
    place: { environment: { ...person, MUSTER_CONFIG_DIR: "/srv/folder" } },
    found: FOLDER,
  },
  { what: "then the home", place: {}, found: HOME },
  {
    what: "then XDG_CONFIG_HOME",
    place: { environment: { ...person, XDG_CONFIG_HOME: "/home/ada/xdg" } },
    there: [XDG, DOT_CONFIG, SYSTEM],
    found: XDG,
  },
  {
    what: "~/.config without XDG_CONFIG_HOME",
    place: {},
    there: [XDG, DOT_CONFIG, SYSTEM],
    found: DOT_CONFIG,
  },
  {
    what: "a relative XDG_CONFIG_HOME is none",
    place: { environment: { ...person, XDG_CONFIG_HOME: "xdg" } },
    there: [XDG, DOT_CONFIG],
    found: DOT_CONFIG,
  },
  {
    what: "~/.config is not looked at where XDG_CONFIG_HOME is set",
    place: { environment: { ...person, XDG_CONFIG_HOME: "/home/ada/xdg" } },
    there: [DOT_CONFIG, SYSTEM],
    found: SYSTEM,
  },
  { what: "then macOS's own place", place: { platform: "darwin" }, there: [MAC, SYSTEM], found: MAC },
  { what: "which is of macOS alone", place: {}, there: [MAC, SYSTEM], found: SYSTEM },
  { what: "then the machine's", place: {}, there: [SYSTEM], found: SYSTEM },
  { what: "then nothing", place: {}, there: [], found: undefined },
  {
    what: "without HOME its places are left out",
    place: { home: undefined, environment: {} },
    found: SYSTEM,
  },
  {
    what: "a home of its own is first in itself",
    place: { home: "/srv/home", environment: { ...person, MUSTER_HOME: "/srv/home" } },
    there: ["/srv/home/muster.toml", ...ALL],
    found: "/srv/home/muster.toml",
  },
  {
    what: "and leaves out the person's places",
    place: { home: "/srv/home", platform: "darwin", environment: { ...person, MUSTER_HOME: "/srv/home" } },
    found: SYSTEM,
  },
  {
    what: "an empty variable says nothing",
    place: { environment: { ...person, MUSTER_CONFIG_DIR: "", MUSTER_HOME: "" } },
    there: [DOT_CONFIG],
    found: DOT_CONFIG,
  },
];

for (const { what, place, there = ALL, found } of rows) {
  test(`search order: ${what}`, async () => {
    const files = Object.fromEntries(there.map((path) => [path, ""]));
    expect(await findConfig(placeOf(files, place))).toBe(found);
  });
}

test("a file that was asked for and is not there is an error that names it", async () => {
  const byFlag = findConfig(placeOf({ [HOME]: "" }, { flag: "gone.toml" }));
  expect(await problemOf(byFlag)).toBe(
    'usage: there is no configuration at "/home/ada/gone.toml", which --config names',
  );
  const environment = { ...person, MUSTER_CONFIG_DIR: "/gone" };
  expect(await problemOf(findConfig(placeOf({ [HOME]: "" }, { environment })))).toBe(
    'usage: there is no configuration at "/gone/muster.toml", which MUSTER_CONFIG_DIR names',
  );
});
