// Joining by a code that a person approves: the device authorization grant of RFC 8628, for devices with keys.
// The grant is a place in the person's fleet, not a bearer token: an approved code is worth something only to the
// key that asked for it, once. Until a controller has compared the words the device is unconfirmed.
import type { Kysely } from "kysely";
import type { Crypto } from "../../identity/crypto.ts";
import { isJoiningSigned, joiningKeys, joiningWords } from "../../identity/joining.ts";
import { toBase64Url } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";
import { deviceIdOf } from "../../protocol/ids.ts";
import type { DEVICE_TOKEN_ERRORS, JoiningDevice } from "../../protocol/joining-api.ts";
import { checkHostName } from "../../protocol/names.ts";
import {
  addDeviceCode,
  decideDeviceCode,
  findDeviceCode,
  notePoll,
  spendDeviceCode,
  takeUserCode,
  type DeviceCodeRow,
} from "../../store/device-codes.ts";
import type { DeviceRow } from "../../store/devices.ts";
import type { HubDatabase } from "../../store/hub-schema.ts";
import { HANDLE_LETTERS, readUserCode, showUserCode, type CodeSecrets } from "./code-secrets.ts";

export interface DeviceFlowParts {
  db: Kysely<HubDatabase>;
  crypto: Crypto;
  codes: CodeSecrets;
  hubKey: Uint8Array;
  now(): number;
}

export const CODE_LIFETIME_MS = 10 * 60_000;
export const POLL_INTERVAL_MS = 5000;
/** RFC 8628, 3.5: what each slow_down adds. */
const SLOWER_MS = 5000;
/** Clocks and networks are not exact to the second. */
const POLL_LEEWAY_MS = 1000;
const DRAWS_MAX = 10;

export interface FlowBegun {
  deviceCode: string;
  /** As it is shown. */
  userCode: string;
}

export type PollResult =
  | { at: "joined"; device: DeviceRow }
  | { at: "refused"; error: (typeof DEVICE_TOKEN_ERRORS)[number]; intervalMs?: number };

export interface Asking extends Pick<DeviceCodeRow, "name" | "kind" | "platform" | "version" | "source"> {
  codeHash: Uint8Array;
  publicKey: Uint8Array;
  linkKey: Uint8Array;
  deviceId: string;
  words: string[];
  expiresAt: number;
}

/** Throws `invalid` for a name that is none, `too_many` when too many wait. */
export async function beginFlow(
  parts: DeviceFlowParts,
  device: JoiningDevice,
  source: string,
): Promise<FlowBegun> {
  const { db, codes, now } = parts;
  checkHostName(device.name);
  const { publicKey, linkKey } = joiningKeys(device);
  const deviceCode = codes.draw();
  for (let draws = 1; draws <= DRAWS_MAX; draws++) {
    const userCode = codes.drawUserCode();
    const added = await addDeviceCode(
      db,
      {
        code_hash: codes.hash("device code", deviceCode),
        handle: userCode.slice(0, HANDLE_LETTERS),
        user_code_hash: codes.hash("user code", userCode),
        public_key: publicKey,
        link_key: linkKey,
        name: device.name,
        kind: device.kind,
        platform: device.platform,
        version: device.version,
        source,
        interval_ms: POLL_INTERVAL_MS,
        created_at: now(),
        expires_at: now() + CODE_LIFETIME_MS,
      },
      now(),
    );
    if (added === "added") return { deviceCode, userCode: showUserCode(userCode) };
    if (added === "full") break;
  }
  throw new MusterError("too_many", "too many devices wait to be let in", {
    hint: "try again in ten minutes, or join with a token: muster device token",
  });
}

/** The device asks whether it may come in. Unknown, spent, over, and another key's are one answer. */
export async function pollFlow(
  parts: DeviceFlowParts,
  { deviceCode, signature }: { deviceCode: string; signature: string },
): Promise<PollResult> {
  const { db, crypto, codes, hubKey, now } = parts;
  const codeHash = codes.hash("device code", deviceCode);
  const row = await findDeviceCode(db, codeHash, now());
  if (
    row === undefined ||
    !isJoiningSigned(crypto, { code: deviceCode, hubKey, device: said(row) }, signature)
  ) {
    return { at: "refused", error: "expired_token" };
  }
  if (row.state === "denied") return { at: "refused", error: "access_denied" };
  const soon = row.polled_at !== null && now() - row.polled_at < row.interval_ms - POLL_LEEWAY_MS;
  const intervalMs = soon ? row.interval_ms + SLOWER_MS : row.interval_ms;
  await notePoll(db, codeHash, { now: now(), intervalMs });
  if (soon) return { at: "refused", error: "slow_down", intervalMs };
  if (row.state === "pending") return { at: "refused", error: "authorization_pending" };
  const deviceId = deviceIdOf(crypto.sha256(row.public_key));
  const device = await spendDeviceCode(db, { codeHash, deviceId, now: now() });
  return device === undefined ? { at: "refused", error: "expired_token" } : { at: "joined", device };
}

/** Who asks under the code that this person typed. Wrong, over and another person's are one refusal. */
export async function lookUp(
  parts: DeviceFlowParts,
  { typed, userId }: { typed: string; userId: string },
): Promise<Asking> {
  const { db, crypto, codes, hubKey, now } = parts;
  const code = readUserCode(typed);
  const row =
    code === undefined
      ? undefined
      : await takeUserCode(db, {
          handle: code.slice(0, HANDLE_LETTERS),
          userCodeHash: codes.hash("user code", code),
          userId,
          now: now(),
        });
  if (row === undefined) throw noSuchCode();
  const keys = { publicKey: row.public_key, linkKey: row.link_key };
  const { name, kind, platform, version, source } = row;
  return {
    name,
    kind,
    platform,
    version,
    source,
    ...keys,
    codeHash: row.code_hash,
    deviceId: deviceIdOf(crypto.sha256(row.public_key)),
    words: joiningWords(crypto, { ...keys, hubKey }),
    expiresAt: row.expires_at,
  };
}

export async function decide(
  parts: DeviceFlowParts,
  asking: Asking,
  by: { userId: string; decision: Parameters<typeof decideDeviceCode>[1]["decision"] },
): Promise<void> {
  const { codeHash } = asking;
  if (!(await decideDeviceCode(parts.db, { codeHash, now: parts.now(), ...by }))) throw noSuchCode();
}

function said(row: DeviceCodeRow): Omit<JoiningDevice, "version"> {
  return {
    public_key: toBase64Url(row.public_key),
    link_key: toBase64Url(row.link_key),
    name: row.name,
    kind: row.kind,
    platform: row.platform,
  };
}

function noSuchCode(): MusterError {
  return new MusterError("not_found", "no device waits under this code", {
    hint: "read it again at the device; it ends after ten minutes or five wrong tries",
  });
}
