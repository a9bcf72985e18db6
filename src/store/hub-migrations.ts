// The steps that make a hub's database. Released steps are never edited: add one at the end.

import { commonTables } from "./common-schema.ts";
import type { Migration } from "./migrate.ts";

export const HUB_MIGRATIONS: Migration[] = [
  {
    name: "001-first",
    statements: (columns) => {
      const { integer, bytes, tableEnd } = columns;
      return [
        ...commonTables(columns),
        `create table owners (
          owner_root text primary key,
          user_id text,
          pin ${bytes} not null,
          created_at ${integer} not null
        ) ${tableEnd}`,
        `create index owners_by_user on owners (user_id)`,
        `create index owners_by_pin on owners (pin)`,
        `create table invites (
          claim_key ${bytes} primary key,
          owner_root text not null references owners,
          number ${integer} not null,
          role text not null,
          name text,
          created_at ${integer} not null,
          expires_at ${integer} not null,
          spent_at ${integer},
          device_id text,
          unique (owner_root, number)
        ) ${tableEnd}`,
        `create table devices (
          device_id text primary key,
          public_key ${bytes} not null unique,
          link_key ${bytes} not null,
          name text not null,
          kind text not null,
          platform text not null,
          owner_root text not null references owners,
          location text,
          created_at ${integer} not null,
          last_seen ${integer},
          agent_version text,
          session_number ${integer} not null,
          revoked_at ${integer},
          confirmed ${integer} not null,
          facts text not null
        ) ${tableEnd}`,
        `create index devices_by_owner on devices (owner_root)`,
        `create table labels (
          label text primary key,
          kind text not null,
          device_id text not null,
          share_id text,
          owner_root text not null,
          freed_at ${integer},
          changed_hands_at ${integer}
        ) ${tableEnd}`,
        `create index labels_by_holder on labels (device_id, share_id)`,
        `create index labels_by_owner on labels (owner_root, freed_at)`,
        `create table shares (
          share_id text primary key,
          device_id text not null references devices,
          label text not null unique references labels,
          kind text not null,
          access text not null,
          description text,
          proof_key ${bytes} not null,
          created_at ${integer} not null,
          published_at ${integer} not null,
          expires_at ${integer}
        ) ${tableEnd}`,
        `create index shares_by_device on shares (device_id)`,
        `create index shares_by_end on shares (expires_at)`,
        `create table login_links (
          id text primary key,
          secret_hash ${bytes} not null,
          created_at ${integer} not null,
          expires_at ${integer} not null,
          spent_at ${integer}
        ) ${tableEnd}`,
      ];
    },
  },
  {
    name: "002-tunnels",
    statements: ({ integer, bytes, tableEnd }) => [
      // A holder is a device, or a set-up before its device is known, so it refers to no table.
      `create table tunnels (
        holder text primary key,
        name text not null unique,
        hostname text not null unique,
        old_hostname text,
        state text not null,
        tunnel_id text,
        record_id text,
        adopted ${integer} not null,
        secret ${bytes},
        created_at ${integer} not null,
        checked_at ${integer},
        tries ${integer} not null,
        next_try_at ${integer} not null,
        reason text
      ) ${tableEnd}`,
      `create index tunnels_by_state on tunnels (state, next_try_at)`,
      `create table tunnel_steps (
        holder text not null references tunnels on delete cascade,
        step text not null,
        begun_at ${integer} not null,
        done_at ${integer},
        primary key (holder, step)
      ) ${tableEnd}`,
    ],
  },
  {
    name: "003-joining",
    statements: ({ integer, bytes, tableEnd }) => [
      `create table device_codes (
        code_hash ${bytes} primary key,
        handle text not null unique,
        user_code_hash ${bytes} not null,
        public_key ${bytes} not null,
        link_key ${bytes} not null,
        name text not null,
        kind text not null,
        platform text not null,
        version text not null,
        source text not null,
        state text not null,
        tries ${integer} not null,
        user_id text,
        owner_root text,
        polled_at ${integer},
        interval_ms ${integer} not null,
        created_at ${integer} not null,
        expires_at ${integer} not null
      ) ${tableEnd}`,
      `create index device_codes_by_end on device_codes (expires_at)`,
      `create table setups (
        setup_id text primary key,
        code_hash ${bytes} unique,
        claim_key ${bytes} unique,
        owner_root text not null references owners,
        user_id text not null,
        device_type text not null,
        name text not null,
        link text not null,
        created_at ${integer} not null,
        expires_at ${integer} not null,
        spent_at ${integer},
        device_id text
      ) ${tableEnd}`,
      `create index setups_by_owner on setups (owner_root)`,
      `create index setups_by_end on setups (expires_at)`,
    ],
  },
  {
    name: "003-relay",
    statements: ({ integer, bytes, tableEnd }) => [
      `create table pairs (
        low text not null,
        high text not null,
        low_at ${integer},
        high_at ${integer},
        primary key (low, high)
      ) ${tableEnd}`,
      `create index pairs_by_high on pairs (high)`,
      // Names no device: a guest's key is in no other table.
      `create table relayed (
        id ${integer} primary key,
        recipient text not null,
        sender text not null,
        message text not null,
        payload ${bytes} not null,
        at ${integer} not null,
        unique (recipient, sender, message)
      ) ${tableEnd}`,
      `create index relayed_by_recipient on relayed (recipient, id)`,
      `create index relayed_by_age on relayed (at)`,
    ],
  },
  {
    name: "004-offers",
    statements: ({ tableEnd }) => [
      // JSON texts: each is written and read whole, and asked for by device alone.
      `create table device_offers (
        device_id text primary key references devices,
        services text not null,
        capabilities text not null,
        queries text not null
      ) ${tableEnd}`,
    ],
  },
  {
    name: "005-named-hosts",
    statements: ({ integer, tableEnd }) => [
      `alter table shares add column link text not null default 'hub'`,
      `create table named_hosts (
        hostname text primary key,
        share_id text not null,
        holder text not null,
        tunnel_id text not null,
        record_id text,
        state text not null,
        begun_at ${integer},
        checked_at ${integer},
        tries ${integer} not null,
        next_try_at ${integer} not null,
        reason text
      ) ${tableEnd}`,
      `create index named_hosts_by_holder on named_hosts (holder)`,
    ],
  },
];
