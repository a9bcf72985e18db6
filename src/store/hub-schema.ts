// What a hub keeps. Accounts and their sessions are better-auth's own tables in the same file and not here.
// Columns that hold secrets are sealed (seal.ts): without the key file a copy of this database opens nothing.

import type { DeviceKind, ShareAccess, ShareKind } from "../protocol/views.ts";
import type { CommonDatabase } from "./common-schema.ts";

export interface OwnersTable {
  owner_root: string;
  /** The account that this owner log belongs to, once there is one. */
  user_id: string | null;
  /** First 16 bytes of SHA-256(log id ‖ hub key): what setup tokens carry. */
  pin: Uint8Array;
  created_at: number;
}

export interface InvitesTable {
  /** Public half of the key that the setup token's seed makes. */
  claim_key: Uint8Array;
  owner_root: string;
  /** Number of the `invite` entry in the owner log. */
  number: number;
  role: string;
  /** The name asked for in the token, if any. */
  name: string | null;
  created_at: number;
  expires_at: number;
  spent_at: number | null;
  /** The device that spent it. */
  device_id: string | null;
}

export interface DevicesTable {
  device_id: string;
  public_key: Uint8Array;
  link_key: Uint8Array;
  /** Its label in the hub's name space; a browser has none, and its name is only shown. */
  name: string;
  kind: DeviceKind;
  platform: string;
  owner_root: string;
  location: string | null;
  created_at: number;
  last_seen: number | null;
  agent_version: string | null;
  /** The highest session number that was ever accepted. */
  session_number: number;
  revoked_at: number | null;
  /** 0 until a person has compared the words of a device that joined by the hub's word alone. */
  confirmed: number;
  /** JSON object of what the device last said of itself. */
  facts: string;
}

export type LabelKind = "device" | "share";

export interface LabelsTable {
  label: string;
  kind: LabelKind;
  device_id: string;
  share_id: string | null;
  owner_root: string;
  freed_at: number | null;
  /** When it passed to another owner: for a while its answers then clear what browsers kept of the former. */
  changed_hands_at: number | null;
}

export interface HubSharesTable {
  share_id: string;
  device_id: string;
  label: string;
  kind: ShareKind;
  access: ShareAccess;
  description: string | null;
  /** Sealed with the context ["shares", "proof_key", share_id]. */
  proof_key: Uint8Array;
  /** When its device made it. */
  created_at: number;
  published_at: number;
  expires_at: number | null;
  /** What it asks to be carried by. */
  link: ShareLink;
}

export type ShareLink = "hub" | "named";

export interface LoginLinksTable {
  id: string;
  secret_hash: Uint8Array;
  created_at: number;
  expires_at: number;
  spent_at: number | null;
}

export type TunnelState = "creating" | "ready" | "rotating" | "revoking";

export interface TunnelsTable {
  /** The device that it is for, or the set-up that the device is to come from. */
  holder: string;
  /** At the provider; written here before the provider hears it. */
  name: string;
  hostname: string;
  /** The one before a change of name, until its DNS record is gone. */
  old_hostname: string | null;
  state: TunnelState;
  /** Null until the provider has given them. */
  tunnel_id: string | null;
  record_id: string | null;
  /** 1 while a tunnel that was found, not made, may still know another secret. */
  adopted: number;
  /** Until it was handed to the device. Sealed with the context ["tunnels", "secret", holder]. */
  secret: Uint8Array | null;
  created_at: number;
  /** When the provider was last seen to agree with this row. */
  checked_at: number | null;
  /** Failed in a row. */
  tries: number;
  next_try_at: number;
  /** Why the last try failed, for people. */
  reason: string | null;
}

/** The journal: a step is here before the provider is called, and until the work it belongs to is done. */
export interface TunnelStepsTable {
  holder: string;
  step: string;
  begun_at: number;
  done_at: number | null;
}

/** A share's host name that leads, or is about to lead, to its device's tunnel. */
export interface NamedHostsTable {
  hostname: string;
  share_id: string;
  /** The device. */
  holder: string;
  tunnel_id: string;
  /** Null until the provider has given it. */
  record_id: string | null;
  state: "creating" | "ready" | "revoking";
  /** When the making of its record was last begun whose outcome isn't known. */
  begun_at: number | null;
  /** When the provider was last seen to agree with this row. */
  checked_at: number | null;
  /** Failed in a row. */
  tries: number;
  next_try_at: number;
  /** Why the last try failed, for people. */
  reason: string | null;
}

export type DeviceCodeState = "pending" | "approved" | "denied";

export interface DeviceCodesTable {
  /** Keyed hash of what the device polls with. */
  code_hash: Uint8Array;
  /** The first letters of what the person types, by which it is found. */
  handle: string;
  /** Keyed hash of all of what the person types. */
  user_code_hash: Uint8Array;
  public_key: Uint8Array;
  link_key: Uint8Array;
  name: string;
  kind: DeviceKind;
  platform: string;
  version: string;
  /** Address that it asked from. */
  source: string;
  state: DeviceCodeState;
  /** Wrong codes that were typed under its handle. */
  tries: number;
  /** The account that typed it rightly first. */
  user_id: string | null;
  owner_root: string | null;
  polled_at: number | null;
  interval_ms: number;
  created_at: number;
  expires_at: number;
}

export interface SetupsTable {
  setup_id: string;
  /** Keyed hash of the registration code; null where a token of the owner log is the key. */
  code_hash: Uint8Array | null;
  claim_key: Uint8Array | null;
  owner_root: string;
  user_id: string;
  device_type: string;
  name: string;
  link: string;
  created_at: number;
  expires_at: number;
  spent_at: number | null;
  device_id: string | null;
}

/** Two keys in base64url, the smaller first, and when each of them reported its pin of the other. */
export interface PairsTable {
  low: string;
  high: string;
  low_at: number | null;
  high_at: number | null;
}

export interface RelayedTable {
  /** Counts up, so that the order of a recipient's rows is that of their coming. */
  id: number;
  /** Identity keys in base64url. */
  recipient: string;
  sender: string;
  /** The sender's own name for it. */
  message: string;
  /** Sealed. */
  payload: Uint8Array;
  at: number;
}

/** What a device last said it offers, as JSON texts. */
export interface DeviceOffersTable {
  device_id: string;
  services: string;
  capabilities: string;
  queries: string;
}

export interface HubDatabase extends CommonDatabase {
  device_offers: DeviceOffersTable;
  pairs: PairsTable;
  relayed: RelayedTable;
  owners: OwnersTable;
  invites: InvitesTable;
  devices: DevicesTable;
  labels: LabelsTable;
  shares: HubSharesTable;
  login_links: LoginLinksTable;
  tunnels: TunnelsTable;
  tunnel_steps: TunnelStepsTable;
  named_hosts: NamedHostsTable;
  device_codes: DeviceCodesTable;
  setups: SetupsTable;
}
