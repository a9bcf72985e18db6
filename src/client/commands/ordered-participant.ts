// Which keys a device of the fleet has: by this end's own copy of the owner log. The hub only says under which name
// people know it, and where the log has that name for another device, nothing is done: a hub could lead a command
// astray that way.
import type { Crypto } from "../../identity/crypto.ts";
import type { OwnerLog } from "../../identity/owner-log.ts";
import { MusterError } from "../../protocol/errors.ts";
import { deviceIdOf } from "../../protocol/ids.ts";
import type { OrderedDevice } from "./device-session.ts";

export interface NamedDevice {
  id: string;
  /** As the hub calls it. */
  name: string;
  /** As whoever orders something named it: a name or an id. */
  reference: string;
}

/** Throws `forbidden` for one that the log does not hold, `ambiguous`. */
export function orderedParticipant(
  crypto: Pick<Crypto, "sha256">,
  log: OwnerLog,
  { id, name, reference }: NamedDevice,
): OrderedDevice {
  const idOf = (key: Uint8Array): string => deviceIdOf(crypto.sha256(key));
  const known = log.participants().find(({ publicKey }) => idOf(publicKey) === id);
  if (known === undefined) {
    throw new MusterError("forbidden", `${name} is in no owner log yet, and takes no commands`, {
      hint: `let it in first: muster device approve ${name}`,
    });
  }
  const namesake = log.participants().find((one) => one.name === reference);
  if (namesake !== undefined && namesake !== known && known.name !== reference) {
    const other = idOf(namesake.publicKey);
    throw new MusterError("ambiguous", `the hub calls ${id} "${reference}", the owner log ${other}`, {
      hint: "say which one by its id",
    });
  }
  return { id, name, publicKey: known.publicKey, linkKey: known.linkKey };
}
