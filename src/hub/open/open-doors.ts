// Who is let in, and as whom: people by their accounts and login links, keys by the session door.
import { loginLinkHash, loginLinkUrl, makeLoginLink } from "../../identity/login-link.ts";
import { LOGIN_LINK_MINUTES } from "../../protocol/limits.ts";
import { addLoginLink } from "../../store/login-links.ts";
import { Pulse } from "../../trunk/liveness.ts";
import type { Accounts } from "../accounts/accounts.ts";
import { createAccounts } from "../accounts/better-auth-accounts.ts";
import { USUAL_LIMITS } from "../hub-limits.ts";
import type { HubOptions } from "../hub-options.ts";
import { CapabilityDesk } from "../calls/capability-desk.ts";
import { grantedTo } from "../calls/granted-to.ts";
import { QueryDesk } from "../calls/query-desk.ts";
import { CommandDesk } from "../sessions/command-desk.ts";
import { SessionDoor } from "../sessions/door.ts";
import { Splices } from "../sessions/splices.ts";
import { SessionTokens } from "../sessions/tokens.ts";
import type { Core } from "./open-core.ts";
import type { Presence } from "./open-presence.ts";

export interface Doors {
  accounts: Accounts;
  tokens: SessionTokens;
  door: SessionDoor;
  capabilities: CapabilityDesk;
  queries: QueryDesk;
  /** A one-time sign-in; null when an owner has signed in and no other link was asked for. */
  makeLoginLink(evenIfSignedIn: boolean): Promise<string | null>;
}

export function openDoors(options: HubOptions, core: Core, presence: Presence): Doors {
  const { world, crypto, secret, hasher, log } = options;
  const { id, db, addresses } = core;
  const pageOrigin = addresses.pageUrl;
  const accounts = createAccounts({
    db,
    pageOrigin,
    hubId: id,
    secret,
    hasher,
    clock: world.clock,
    log,
  });
  const tokens = new SessionTokens(crypto);
  const makeLoginLink = loginLinks({ options, core, accounts, ownerRoot: presence.owner.root });
  const { devices, offers, directory } = core;
  const { clock, timers } = world;
  const capabilities = new CapabilityDesk({
    clock,
    timers,
    devices,
    offers,
    directory,
    granted: (asked) => grantedTo(core.ownerLogs, asked, core.now()),
  });
  const queries = new QueryDesk({ timers, devices, offers, directory });
  return {
    accounts,
    tokens,
    door: sessionDoor(options, core, { presence, tokens, makeLoginLink, capabilities, queries }),
    capabilities,
    queries,
    makeLoginLink,
  };
}

function loginLinks(given: {
  options: HubOptions;
  core: Core;
  accounts: Accounts;
  ownerRoot: string;
}): Doors["makeLoginLink"] {
  const { crypto } = given.options;
  const { now, db, audit, addresses } = given.core;
  return async (evenIfSignedIn) => {
    if (!evenIfSignedIn && (await given.accounts.hasUsers())) return null;
    const link = makeLoginLink(crypto);
    const expiresAt = now() + LOGIN_LINK_MINUTES * 60_000;
    await addLoginLink(db, { id: link.id, secretHash: loginLinkHash(crypto, link), expiresAt }, now());
    const row = { actor: "hub", action: "hub.login_link_made", target: "hub" } as const;
    await audit.record({ ...row, ownerRoot: given.ownerRoot });
    return loginLinkUrl(addresses.pageUrl, link).reveal();
  };
}

function sessionDoor(
  options: HubOptions,
  core: Core,
  given: Omit<Doors, "accounts" | "door"> & { presence: Presence },
): SessionDoor {
  const { world, crypto, signer, version, log, limits = USUAL_LIMITS, guests = false } = options;
  const { db, metrics, audit, addresses, ownerLogs, devices, shares, directory, fleet, offers } = core;
  const { tokens, makeLoginLink, capabilities, queries } = given;
  const { prober, life, relayDesk: relay, owner } = given.presence;
  const commands = new CommandDesk({ timers: world.timers, directory, devices, audit });
  return new SessionDoor({
    world,
    db,
    crypto,
    signer,
    version,
    limits,
    guests,
    metrics,
    addresses,
    devices,
    ownerLogs,
    directory,
    tokens,
    pulse: new Pulse(world.timers, world.clock),
    log: log.part("session"),
    removals: life.removals,
    streams: {
      splices: new Splices({
        directory,
        devices,
        audit,
        pairs: relay,
      }),
      calls: { capability: capabilities, query: queries },
    },
    messages: {
      log,
      audit,
      addresses,
      devices,
      shares,
      fleet,
      prober,
      ownerLogs,
      commands,
      relay,
      life,
      offers,
      makeLoginLink,
      homeRoots: () => [owner.root],
    },
  });
}
