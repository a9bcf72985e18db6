// Setup tokens: an invite in the owner log, signed by this home's controller key, and the token that claims it.
// The token is told once, to the terminal that asked, and stands nowhere.
import type { Crypto, Signer } from "../identity/crypto.ts";
import { makeInvite, type MadeInvite } from "../identity/setup-token.ts";
import { MusterError } from "../protocol/errors.ts";
import { installLine, type HubAddresses } from "../protocol/install-line.ts";
import type { LocalRequest, LocalResponse } from "../protocol/local-api.ts";
import { checkHostName } from "../protocol/names.ts";
import type { Clock } from "../world/world.ts";
import type { HubPort } from "./hub-port.ts";
import { writeToLog } from "./log-writing.ts";
import type { OwnerBook } from "./owner-book.ts";

export interface DeviceTokensOptions {
  clock: Clock;
  crypto: Crypto;
  signer: Signer;
  hub: HubPort;
  /** Pinned. */
  hubKey: Uint8Array;
  /** Where a new device finds the hub. */
  addresses(): HubAddresses;
  book: Pick<OwnerBook, "log" | "problem" | "fetch" | "take">;
}

export async function makeDeviceToken(
  options: DeviceTokensOptions,
  request: LocalRequest<"device_token">,
): Promise<LocalResponse<"device_token"> & { invite: number }> {
  const { clock, addresses } = options;
  if (request.name !== undefined) checkHostName(request.name);
  const expiresAtMs = clock.now() + request.expires_in_ms;
  const made = await appendInvite(options, request.name === undefined ? [] : [request.name], expiresAtMs);
  const token = made.token.reveal();
  const { install, onlyHere } = installLine(addresses(), token);
  return {
    token,
    expires_at: new Date(expiresAtMs).toISOString(),
    install,
    ...(onlyHere ? { only_here: true } : {}),
    invite: made.entry.number,
  };
}

async function appendInvite(
  options: DeviceTokensOptions,
  names: string[],
  expiresAtMs: number,
): Promise<MadeInvite> {
  const { crypto, hubKey, signer, clock } = options;
  return writeToLog(options, async (log) => {
    if (!log.mayAdmin(signer.publicKey, clock.now())) {
      throw new MusterError("forbidden", "this device may not add devices to its owner", {
        hint: "make the token on a controller, such as the machine that runs the hub",
      });
    }
    return makeInvite(crypto, { log, hubKey, names, expiresAtMs, signer });
  });
}
