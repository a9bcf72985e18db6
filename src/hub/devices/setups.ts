// Places that a person prepares in the page for devices that are yet to come: a name, a registration code of 256
// bits that is shown once, and a named link where one is asked for. What nobody takes in time goes again, with
// all that was made for it.
import type { Kysely } from "kysely";
import type { Crypto } from "../../identity/crypto.ts";
import { isJoiningSigned, joiningKeys } from "../../identity/joining.ts";
import { fromBase64Url } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";
import { deviceIdOf } from "../../protocol/ids.ts";
import {
  DEVICE_TYPES,
  type CodeRegisterRequest,
  type DeviceSetupRequest,
} from "../../protocol/joining-api.ts";
import { tokenInvalid } from "../../protocol/setup-token.ts";
import type { DeviceRow } from "../../store/devices.ts";
import type { HubDatabase } from "../../store/hub-schema.ts";
import { findInvite, type InviteRow } from "../../store/invites.ts";
import { inTransaction } from "../../store/in-transaction.ts";
import {
  addSetup,
  findSetupOfClaim,
  listEndedSetups,
  listSetups,
  removeSetup,
  spendSetup,
  type SetupRow,
} from "../../store/setups.ts";
import { newRowId } from "../../store/row-id.ts";
import type { CodeSecrets } from "./code-secrets.ts";

export interface SetupParts {
  db: Kysely<HubDatabase>;
  crypto: Crypto;
  codes: CodeSecrets;
  hubKey: Uint8Array;
  now(): number;
}

export interface PreparedSetup {
  setup: SetupRow;
  /** Null where a setup token of the owner log is the key. */
  code: string | null;
}

const USUAL_LIFETIME_S = 15 * 60;
const CODE_PREFIX = "mrc1_";

export function prepareSetup(
  parts: SetupParts,
  asked: DeviceSetupRequest,
  by: { userId: string; ownerRoot: string },
): Promise<PreparedSetup> {
  // In one: whoever asks twice at once for one token gets one place.
  return inTransaction(parts.db, (db) => preparedIn({ ...parts, db }, asked, by));
}

async function preparedIn(
  parts: SetupParts,
  asked: DeviceSetupRequest,
  by: { userId: string; ownerRoot: string },
): Promise<PreparedSetup> {
  const { db, codes, now } = parts;
  const platform = platformOf(asked.device_type);
  const invite =
    asked.claim_key === undefined ? undefined : await openInvite(parts, asked.claim_key, by.ownerRoot);
  const there = invite === undefined ? undefined : await findSetupOfClaim(db, invite.claim_key);
  if (there !== undefined) return { setup: adopted(there, asked, now()), code: null };
  const claimKey = invite?.claim_key ?? null;
  const endsWithToken = asked.expires_in === undefined ? invite?.expires_at : undefined;
  const code = claimKey === null ? codes.draw(CODE_PREFIX) : null;
  const setup = {
    setup_id: `setup-${newRowId({ bytes: (length) => parts.crypto.randomBytes(length) })}`,
    code_hash: code === null ? null : codes.hash("registration code", code),
    claim_key: claimKey,
    owner_root: by.ownerRoot,
    user_id: by.userId,
    device_type: asked.device_type,
    name: asked.name ?? usualName(platform),
    link: asked.link ?? "hub",
    created_at: now(),
    expires_at: endsWithToken ?? now() + (asked.expires_in ?? USUAL_LIFETIME_S) * 1000,
  };
  const name = await addSetup(db, setup, now());
  return { setup: { ...setup, name, spent_at: null, device_id: null }, code };
}

/** A device takes its place by a code. Throws `token_invalid` for spent, over, unknown and wrongly signed, alike. */
export async function registerByCode(
  parts: SetupParts,
  asked: CodeRegisterRequest,
): Promise<{ device: DeviceRow; setup: SetupRow }> {
  const { db, crypto, codes, hubKey, now } = parts;
  const { code, signature, ...device } = asked;
  const { publicKey, linkKey } = joiningKeys(device);
  if (!isJoiningSigned(crypto, { code, hubKey, device }, signature)) throw tokenInvalid();
  const spent = await spendSetup(db, {
    codeHash: codes.hash("registration code", code),
    device: {
      deviceId: deviceIdOf(crypto.sha256(publicKey)),
      publicKey,
      linkKey,
      kind: device.kind,
      platform: device.platform,
      agentVersion: device.version,
    },
    now: now(),
  });
  if (spent === undefined) throw tokenInvalid();
  return spent;
}

export function pendingSetups(parts: SetupParts, ownerRoots: readonly string[]): Promise<SetupRow[]> {
  return listSetups(parts.db, ownerRoots, parts.now());
}

/** Those whose code has ended go. What else was made for one goes before it: of what is left nobody would know. */
export async function forgetEndedSetups(
  { db, now }: SetupParts,
  removeMade: (setup: SetupRow) => Promise<unknown>,
): Promise<void> {
  for (const setup of await listEndedSetups(db, now())) {
    await removeMade(setup);
    await removeSetup(db, setup.setup_id, now());
  }
}

export function platformOf(deviceType: string): string {
  // Compared as an own key on the next line.
  if (Object.hasOwn(DEVICE_TYPES, deviceType)) return DEVICE_TYPES[deviceType as keyof typeof DEVICE_TYPES];
  throw new MusterError("invalid", `there is no device type "${deviceType.slice(0, 40)}"`, {
    hint: `one of ${Object.keys(DEVICE_TYPES).join(", ")}`,
  });
}

function usualName(platform: string): string {
  return `${platform.split("-")[0] ?? "new"}-device`;
}

/** Asked again for one token, nothing is made twice. */
function adopted(there: SetupRow, { link = "hub" }: DeviceSetupRequest, now: number): SetupRow {
  if (there.spent_at === null && there.expires_at > now && there.link === link) return there;
  throw new MusterError("conflict", `another place, "${there.name}", was prepared for that setup token`, {
    hint: "make another token: `muster device token`",
  });
}

async function openInvite(parts: SetupParts, text: string, ownerRoot: string): Promise<InviteRow> {
  const key = fromBase64Url(text);
  const invite = key?.length === 32 ? await findInvite(parts.db, key) : undefined;
  const open =
    invite?.owner_root === ownerRoot && invite.spent_at === null && invite.expires_at > parts.now();
  if (open) return invite;
  throw new MusterError(
    "invalid",
    "that claim key belongs to no setup token of yours that can still be used",
  );
}
