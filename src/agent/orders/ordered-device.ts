// Which device a name means when something is to be done to it. The hub says under which names people know the
// devices; which key that is, this home's own copy of the owner log says.
import type { Crypto } from "../../identity/crypto.ts";
import { MusterError, systemCode } from "../../protocol/errors.ts";
import { deviceIdOf } from "../../protocol/ids.ts";
import { findDevice } from "../device-desk.ts";
import type { HubPort } from "../hub-port.ts";
import type { OwnerBook } from "../owner-book.ts";
import type { OrderedDevice } from "../../client/commands/device-session.ts";
import { orderedParticipant } from "../../client/commands/ordered-participant.ts";

export interface OrderedDeviceParts {
  crypto: Crypto;
  hub: Pick<HubPort, "request">;
  book: Pick<OwnerBook, "log" | "problem">;
}

export async function orderedDevice(
  { crypto, hub, book }: OrderedDeviceParts,
  reference: string,
): Promise<OrderedDevice> {
  const problem = book.problem();
  const { log } = book;
  if (log === undefined || problem !== undefined)
    throw problem ?? new MusterError("unavailable", "no owner log");
  const idOf = (key: Uint8Array): string => deviceIdOf(crypto.sha256(key));
  const asked = await hub.request({ type: "fleet_get" }, "fleet").catch((error: unknown) => {
    // Without the hub the log's own names must do, where they leave no doubt.
    const [only, other] = log.participants().filter(({ publicKey, name }) => {
      return name === reference || idOf(publicKey) === reference;
    });
    if (systemCode(error) !== "hub_unreachable" || only === undefined || other !== undefined) throw error;
    return only;
  });
  if (!("fleet" in asked)) {
    const { name, publicKey, linkKey } = asked;
    return { id: idOf(publicKey), name, publicKey, linkKey };
  }
  const view = findDevice(asked.fleet.devices, reference);
  return orderedParticipant(crypto, log, { id: view.id, name: view.name, reference });
}
