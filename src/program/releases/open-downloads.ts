// What this hub hands out: the release in one of its folders, or else, for its own platform, itself.
import { dirname, join, resolve } from "node:path";
import type { Downloads, Program } from "../../hub/downloads/downloads.ts";
import type { Log } from "../../protocol/log.ts";
import type { ReleasePlatform } from "../../protocol/release.ts";
import { isCompiled } from "../compiled.ts";
import { findRelease, type Release } from "./find-release.ts";
import { ownProgram, sourcesChangedMs, type OwnProgram } from "./own-program.ts";
import { ProgramFiles } from "./program-files.ts";

/** Where a hub looks: its own folder; then beside the program, or in the checkout's build. */
export function openDownloads(hubFolder: string, { version, log }: { version: string; log: Log }): Downloads {
  const beside = isCompiled
    ? join(dirname(process.execPath), "releases")
    : resolve(import.meta.dirname, "../../../dist/release");
  return downloadsOf({
    own: ownProgram(log),
    files: new ProgramFiles(join(hubFolder, "downloads"), log),
    // A release that was made of older sources than the hub runs is not the hub's; one that was put into its
    // own folder is there on purpose.
    find: async () =>
      (await findRelease([join(hubFolder, "releases")], { ownVersion: version })) ??
      findRelease([beside], { ownVersion: version, notBeforeMs: await sourcesChangedMs() }),
  });
}

export interface DownloadParts {
  own: OwnProgram;
  files: Pick<ProgramFiles, "open">;
  find(): Promise<Release | undefined>;
}

export function downloadsOf({ own, files, find }: DownloadParts): Downloads {
  const fromRelease = async (release: Release, platform: ReleasePlatform): Promise<Program | undefined> => {
    const file = release.manifest.files.find((one) => one.platform === platform);
    return file === undefined ? undefined : files.open(platform, join(release.folder, file.file), file);
  };
  return {
    async program(platform) {
      const release = await find();
      const program = release === undefined ? undefined : await fromRelease(release, platform);
      if (program !== undefined || platform !== own.platform) return program;
      return files.open(platform, await own.path());
    },
    async platforms() {
      const there = new Set((await find())?.manifest.files.map(({ platform }) => platform));
      if (own.platform !== undefined) there.add(own.platform);
      return [...there].toSorted();
    },
    async manifest() {
      const release = await find();
      return release === undefined ? undefined : { bytes: release.bytes, signature: release.signature };
    },
  };
}
