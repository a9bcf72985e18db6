// A disk of texts for the configuration's tests: path to content, each file with its mode.
import { MusterError } from "../../protocol/errors.ts";
import type { FileInfo } from "../../world/world.ts";
import type { ConfigPlace } from "./find-config.ts";

export interface TestFile {
  text: string;
  mode?: number;
}

export function diskOf(files: Readonly<Record<string, string | TestFile>>): ConfigPlace["disk"] {
  const fileAt = (path: string): TestFile | undefined => {
    const file = files[path];
    return typeof file === "string" ? { text: file } : file;
  };
  return {
    info: (path) => {
      const file = fileAt(path);
      const info: FileInfo | undefined = file && {
        kind: "file",
        size: file.text.length,
        modifiedAt: 0,
        mode: file.mode ?? 0o600,
        inode: 1,
      };
      return Promise.resolve(info);
    },
    read: (path) => {
      const file = fileAt(path);
      if (file === undefined) return Promise.reject(Object.assign(new Error(path), { code: "ENOENT" }));
      return Promise.resolve(new TextEncoder().encode(file.text));
    },
  };
}

export function placeOf(
  files: Readonly<Record<string, string | TestFile>>,
  over: Partial<ConfigPlace> = {},
): ConfigPlace {
  return {
    disk: diskOf(files),
    environment: { HOME: "/home/ada" },
    cwd: "/home/ada",
    platform: "linux",
    home: "/home/ada/.muster",
    flag: undefined,
    ...over,
  };
}

/** What it is refused with, as "code: message"; "" when it is not. */
export function problemOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "",
    (thrown: unknown) => {
      if (thrown instanceof MusterError) return `${thrown.code}: ${thrown.message}`;
      throw thrown;
    },
  );
}
