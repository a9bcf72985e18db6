// Certificates are renewed by somebody else (certbot, Caddy, a mounted secret): their files are looked at
// every few seconds, and what changed is served from then on. Connections that are open stay.
import { publicError } from "../protocol/errors.ts";
import type { Log } from "../protocol/log.ts";
import type { TlsFiles, World } from "../world/world.ts";

export const LOOK_EVERY_MS = 5000;

export interface CertificateWatchOptions {
  world: Pick<World, "timers" | "disk">;
  log: Log;
  files: TlsFiles;
  /** Throws for files that can't be served: then what was served stays. */
  renew(files: TlsFiles): void;
}

/** Watches until the returned function is called. */
export async function watchCertificate(options: CertificateWatchOptions): Promise<() => void> {
  const { world, log, files, renew } = options;
  let served = await markOf(world, files);
  let refused = "";
  let looking = false;
  const look = async () => {
    const mark = await markOf(world, files);
    if (mark === served || mark === "") return;
    try {
      renew(files);
      served = mark;
      log.info("certificate renewed", { cert: files.cert });
    } catch (error) {
      // Between the writing of the one file and the other they do not fit: told once, and tried again.
      if (refused !== mark) {
        log.warn("the new certificate can't be served; the old one stays", {
          problem: publicError(error).message,
        });
      }
      refused = mark;
    }
  };
  const timer = world.timers.every(LOOK_EVERY_MS, () => {
    if (looking) return;
    looking = true;
    look()
      .catch((error: unknown) => log.error("the certificate's files could not be looked at", { error }))
      .finally(() => (looking = false));
  });
  return () => timer.cancel();
}

/** Changes whenever one of the files does; "" while one is missing. */
async function markOf({ disk }: Pick<World, "disk">, { cert, key }: TlsFiles): Promise<string> {
  const infos = await Promise.all([disk.info(cert), disk.info(key)]);
  if (infos.some((info) => info === undefined)) return "";
  return infos.map((info) => `${info?.inode} ${info?.size} ${info?.modifiedAt}`).join("\n");
}
