// Removing a home: what is ours in it, and the folder once nothing else is left. A MUSTER_HOME that points at a
// folder with other things in it loses none of them.
import { join } from "node:path";
import type { Disk } from "../../world/world.ts";

/** What programs of this home make, with what SQLite and our own set-asides put beside it. */
const OURS =
  `identity hub.json muster.toml registration device.marker token agent.json state.db tasks.db lock.db
  tunnel-credentials.json cloudflared journal plugins bin logs hub run downloads certificates upgrade tasks received
  open guest removed`.split(/\s+/);

export interface StateRemoved {
  removed: boolean;
  /** Names of what is not ours and stays. */
  left: string[];
}

export async function removeState(
  disk: Pick<Disk, "info" | "list" | "remove">,
  home: string,
): Promise<StateRemoved> {
  if ((await disk.info(home)) === undefined) return { removed: false, left: [] };
  const names = await disk.list(home);
  const left = names.filter((name) => !isOurs(name));
  for (const name of names) if (isOurs(name)) await disk.remove(join(home, name));
  if (left.length === 0) await disk.remove(home);
  return { removed: left.length < names.length || left.length === 0, left };
}

function isOurs(name: string): boolean {
  return OURS.some((own) => name === own || name.startsWith(`${own}-`) || name.startsWith(`${own}.`));
}
