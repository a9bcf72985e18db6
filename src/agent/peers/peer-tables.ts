// What a device keeps of the devices it is paired with: the pin, the receive keys made for them, what is on its
// way to them and what has come from them.
import type { InboundRow, InboxRow, OutboxRow, PeerRow } from "../../client/peers/rows.ts";
import type { ColumnTypes } from "../../store/column-types.ts";

export interface ReceiveKeysTable {
  /** SHA-256 of the public half, base64url. */
  id: string;
  peer: string;
  public_key: Uint8Array;
  secret: Uint8Array;
  made_at: number;
  replaced_at: number | null;
  used: number;
  first_epoch: string | null;
  first_sequence: number | null;
}

export interface ErasedKeysTable {
  id: string;
  peer: string;
  erased_at: number;
}

export interface PeerTables {
  peers: PeerRow;
  receive_keys: ReceiveKeysTable;
  erased_keys: ErasedKeysTable;
  outbox: OutboxRow;
  inbound: InboundRow;
  inbox: InboxRow;
}

export function peerTables({ integer, bytes, tableEnd }: ColumnTypes): string[] {
  return [
    `create table peers (
      key text primary key,
      link_key ${bytes} not null,
      receive_key ${bytes} not null,
      receive_key_at ${integer} not null,
      nickname text not null,
      petname text not null unique,
      kind text not null,
      safety text not null,
      verified ${integer} not null,
      since ${integer} not null,
      state text not null,
      epoch ${bytes} not null,
      next_sequence ${integer} not null
    ) ${tableEnd}`,
    `create table receive_keys (
      id text primary key,
      peer text not null references peers on delete cascade,
      public_key ${bytes} not null,
      secret ${bytes} not null,
      made_at ${integer} not null,
      replaced_at ${integer},
      used ${integer} not null,
      first_epoch text,
      first_sequence ${integer}
    ) ${tableEnd}`,
    `create index receive_keys_by_peer on receive_keys (peer, made_at)`,
    `create table erased_keys (
      id text primary key,
      peer text not null references peers on delete cascade,
      erased_at ${integer} not null
    ) ${tableEnd}`,
    `create index erased_keys_by_peer on erased_keys (peer, erased_at)`,
    // Delivered messages stay to be asked for, also when the pairing is over.
    `create table outbox (
      id text primary key,
      peer text not null,
      epoch ${bytes} not null,
      sequence ${integer} not null,
      kind text not null,
      body ${bytes} not null,
      state text not null,
      created_at ${integer} not null
    ) ${tableEnd}`,
    `create index outbox_by_peer on outbox (peer, state, sequence)`,
    `create table inbound (
      peer text not null references peers on delete cascade,
      epoch text not null,
      complete ${integer} not null,
      last_id text not null,
      seen_at ${integer} not null,
      primary key (peer, epoch)
    ) ${tableEnd}`,
    // What has come stays when its sender is gone.
    `create table inbox (
      position ${integer} unique,
      peer text not null,
      epoch text not null,
      sequence ${integer} not null,
      id text not null,
      kind text not null,
      body ${bytes} not null,
      at ${integer} not null,
      read ${integer} not null,
      primary key (peer, epoch, sequence)
    ) ${tableEnd}`,
    `create index inbox_by_id on inbox (peer, id)`,
    `create index inbox_unread on inbox (peer, read)`,
  ];
}
