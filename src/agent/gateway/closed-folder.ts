// The disk as visitors may see it: one folder, this program's own home, is not there, whatever leads to it. A
// share may well lie around it (a whole home folder, `/`), and keys and secrets are no pages.

import type { PageDisk } from "./page-files.ts";

/** `folder` with every link resolved. What lies in it looks as if there were nothing. */
export function withoutFolder(disk: PageDisk, folder: string): PageDisk {
  const inside = (path: string): boolean => path === folder || path.startsWith(`${folder}/`);
  const outside = (path: string): string => {
    if (!inside(path)) return path;
    throw Object.assign(new Error("there is no such file or folder"), { code: "ENOENT" });
  };
  return {
    info: async (path) => (inside(path) ? undefined : disk.info(path)),
    list: async (path) => disk.list(outside(path)),
    realPath: async (path) => outside(await disk.realPath(path)),
    async open(path) {
      const file = await disk.open(outside(path));
      try {
        outside(file.realPath);
      } catch (error) {
        await file.close();
        throw error;
      }
      return file;
    },
  };
}
