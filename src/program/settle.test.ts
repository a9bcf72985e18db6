import { expect, test } from "bun:test";
import { diskOf } from "./config/config.fixture.ts";
import { readText } from "./config/read-config.ts";
import { NAMED_LINK_WARNING } from "../tunnels/cloudflared.ts";
import { settle } from "./settle.ts";

const HOME = "/home/ada/.muster";

async function settled(
  over: {
    root?: boolean;
    config?: string;
    there?: string[];
    kind?: "vps" | "laptop";
    readOnly?: boolean;
    namedLink?: true;
  } = {},
): Promise<Record<string, string>> {
  const written: Record<string, string> = Object.fromEntries((over.there ?? []).map((path) => [path, ""]));
  const disk = {
    info: (path: string) => diskOf(written).info(path),
    makeFolder: async () => {},
    remove: async (path: string) => void delete written[path],
    async write(path: string, text: Uint8Array | string) {
      if (over.readOnly === true && path.startsWith("/etc"))
        throw Object.assign(new Error(), { code: "EACCES" });
      written[path] = String(text);
    },
  };
  const parts = { disk, root: over.root ?? false, config: over.config };
  const kind = over.kind === undefined ? {} : { kind: over.kind };
  const named = over.namedLink === undefined ? {} : { namedLink: over.namedLink };
  const options = { home: HOME, hubUrl: "https://example.com", location: 'the "attic"', ...kind, ...named };
  const { notes } = await settle(parts, options);
  expect(notes).toEqual(over.namedLink === undefined ? [] : [NAMED_LINK_WARNING]);
  return written;
}

test("the configuration that it writes is valid and says hub and place", async () => {
  const files = await settled();
  const known = readText("muster.toml", files[`${HOME}/muster.toml`] ?? "");
  expect(known.map(({ key, value }) => [key, value])).toEqual([
    ["location", 'the "attic"'],
    ["hub.url", "https://example.com"],
  ]);
});

test("a named link is taken by this device's own word, and what that means is said", async () => {
  const files = await settled({ namedLink: true });
  const known = readText("muster.toml", files[`${HOME}/muster.toml`] ?? "");
  expect(known.find(({ key }) => key === "links.named")?.value).toBe(true);
});

test("one that a person wrote is neither changed nor hidden by a new one", async () => {
  expect(await settled({ config: "/home/ada/.config/muster/muster.toml" })).toEqual({});
});

test("the marker of the chosen kind is written where it may be", async () => {
  expect(Object.keys(await settled({ kind: "laptop", config: "x" }))).toEqual([`${HOME}/device.marker`]);
  expect(Object.keys(await settled({ kind: "vps", root: true, config: "x" }))).toEqual([
    "/etc/muster/vps.marker",
  ]);
  expect(await settled({ kind: "vps", root: true, config: "x", readOnly: true })).toEqual({});
  expect(await settled({ kind: "vps", config: "x", there: [`${HOME}/device.marker`] })).toEqual({});
});
