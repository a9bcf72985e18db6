// What a person should know of a share that was made, although nothing is wrong with it: nothing listens yet,
// files that are left out, an app that others reach without passing the gateway.
import { accepts, portAnswers } from "../apps/port-answers.ts";
import { scanFolder, type FolderScan } from "../gateway/left-out.ts";
import type { PageDisk } from "../gateway/page-files.ts";
import type { Network } from "../../world/world.ts";
import type { ShareWish } from "./share-wish.ts";

const NAMED_MAX = 5;
/** The sentence then stands on one line of 80 columns, behind `muster: warning:`. */
const NAMES_MAX_LENGTH = 18;
const CONNECT_TIMEOUT_MS = 500;
/** Machines with containers have dozens of interfaces; a few of them tell as much. */
const ADDRESSES_MAX = 8;

export interface WarningWorld {
  disk: PageDisk;
  network: Pick<Network, "connect" | "interfaces">;
}

/** Of a wish that was carried out. */
export async function warningsOf(world: WarningWorld, wish: ShareWish): Promise<string[]> {
  const { port, path, kind } = wish;
  if (kind === "page") {
    const scan = path === null ? undefined : await scanFolder(world.disk, path);
    return scan === undefined ? [] : leftOutWarnings(scan);
  }
  if (port === null) return [];
  if (wish.command === null && !(await portAnswers(world.network, port))) {
    return [`nothing listens on port ${port} yet; visitors are told so until something does`];
  }
  const open = await openAddresses(world.network, port);
  if (open.length === 0) return [];
  return [
    `the app on port ${port} also listens on ${open.join(", ")}: whoever reaches that address needs no password. ` +
      "Let it listen on 127.0.0.1 only",
  ];
}

interface LeftOut extends Pick<FolderScan, "leftOutCount" | "complete"> {
  leftOut: readonly { path: string }[];
}

export function leftOutWarnings(scan: LeftOut): string[] {
  const warnings: string[] = [];
  if (scan.leftOutCount > 0) {
    const named = namesThatFit(scan.leftOut.map((each) => each.path));
    const more = scan.leftOutCount - named.length;
    warnings.push(
      `not served (hidden or outside): ${named.join(", ")}${more > 0 ? ` and ${more} more` : ""}`,
    );
  }
  if (!scan.complete)
    warnings.push("the folder is too large to be looked through whole, so more may be left out");
  return warnings;
}

/** At least one. */
function namesThatFit(paths: readonly string[]): string[] {
  const named: string[] = [];
  for (const path of paths.slice(0, NAMED_MAX)) {
    if (named.length > 0 && [...named, path].join(", ").length > NAMES_MAX_LENGTH) break;
    named.push(path);
  }
  return named;
}

async function openAddresses(network: WarningWorld["network"], port: number): Promise<string[]> {
  const outer = network.interfaces().filter((each) => !each.internal && !isLinkLocal(each.address));
  const tried = await Promise.all(
    outer
      .slice(0, ADDRESSES_MAX)
      .map(async ({ address }) =>
        (await accepts(network, { host: address, port }, CONNECT_TIMEOUT_MS)) ? [address] : [],
      ),
  );
  return tried.flat();
}

/** Needs a zone to be dialled, and reaches no further than the next switch. */
function isLinkLocal(address: string): boolean {
  return /^(?:fe[89ab]|169\.254\.)/i.test(address);
}
