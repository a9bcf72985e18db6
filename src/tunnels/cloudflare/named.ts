// Cloudflare named tunnels as a link. Every public call writes down what is wanted before it asks the provider,
// works on one holder at a time, and leaves what it could not finish to the next run (unfinished.ts).

import { MusterError, publicError } from "../../protocol/errors.ts";
import {
  addTunnel,
  changeTunnel,
  findTunnel,
  findTunnelByHostname,
  giveTunnel,
  settleTunnel,
  turnTunnel,
  type TunnelRow,
} from "../../store/tunnel-rows.ts";
import type { HandOver, Link, LinkStatus, LinkWish, TunnelCredentials } from "../link.ts";
import { Turns } from "../turns.ts";
import { newSecret, openSecret, retryPauseMs, sealSecret, takeStep, type Workshop } from "./journal.ts";
import { endConnections, finishMaking, missingParts, setRecordedSecret } from "./make.ts";
import { tunnelName } from "./mark.ts";
import { checkNameIsFree } from "./records.ts";
import { finishRemoving } from "./unmake.ts";

export interface NamedLink extends Link {
  /** What its device needs, as long as it was not handed over. */
  credentials(holder: string): Promise<TunnelCredentials | undefined>;
  /** The device has them: they are forgotten here. */
  delivered(holder: string): Promise<void>;
  /** A set-up's tunnel becomes its device's. False when there is none, or the device has one. */
  give(from: string, to: string): Promise<boolean>;
  /** Goes on with what was begun; resolves in whatever state that ends. Never throws a provider's refusal. */
  resume(holder: string): Promise<LinkStatus>;
}

const HAND_OVER_TIMEOUT_MS = 20_000;
/** A host name of DNS, in lower case: labels of letters, digits and hyphens. */
const HOSTNAME = /^(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/;
const MIB = 1024 * 1024;

export const NAMED_LIMITS = {
  uploadMaxBytes: 100 * MIB,
  answerWithinMs: 100_000,
  serverSentEvents: true,
  stableAddress: true,
} as const;

export function createNamedLink(shop: Workshop): NamedLink {
  const { db, log } = shop;
  const turns = new Turns();
  const now = () => shop.world.clock.now();

  const statusOf = (row: TunnelRow | undefined): LinkStatus => ({
    kind: "named",
    state: row?.state ?? "none",
    url: row === undefined ? null : `https://${row.hostname}`,
    checkedAt: row?.checked_at ?? null,
    reason: row?.reason ?? null,
  });
  const status = async (holder: string) => statusOf(await findTunnel(db, holder));
  const needed = async (holder: string): Promise<TunnelRow> => {
    const row = await findTunnel(db, holder);
    if (row === undefined) throw new MusterError("not_found", `"${holder}" has no named link`);
    return row;
  };

  /** Puts down why it failed and when it is tried again; the error goes on to whoever asked. */
  const noteFailure = async (holder: string, error: unknown): Promise<void> => {
    const row = await findTunnel(db, holder);
    if (row === undefined) return;
    const tries = row.tries + 1;
    const waitMs = Math.max(retryPauseMs(tries), shop.api.waitMs());
    const shown = publicError(error);
    log.warn("tunnel work failed", { tunnel: row.name, state: row.state, tries, error });
    const vanished = shown.code === "not_found" && row.state !== "revoking";
    await changeTunnel(db, holder, {
      tries,
      reason: shown.message,
      next_try_at: now() + waitMs,
      ...(vanished ? freshTunnel(row) : {}),
    });
  };
  /** What makes the next run make another tunnel. */
  const freshTunnel = ({ holder }: TunnelRow) => ({
    state: "creating" as const,
    tunnel_id: null,
    record_id: null,
    adopted: 0,
    secret: sealSecret(shop, holder, newSecret(shop)),
  });

  const make = async (row: TunnelRow): Promise<LinkStatus> => {
    try {
      await finishMaking(shop, row);
    } catch (error) {
      const refused = error instanceof MusterError && error.code === "conflict";
      if (refused && row.checked_at === null) await unmake(row);
      else await noteFailure(row.holder, error);
      throw error;
    }
    return status(row.holder);
  };

  /** Marks it first, so that it is shown as revoking whatever comes. */
  const unmake = async (row: TunnelRow): Promise<LinkStatus> => {
    const { holder } = row;
    if (row.state !== "revoking") {
      await turnTunnel(db, holder, { state: "revoking", tries: 0, reason: null, next_try_at: now() });
    }
    try {
      await finishRemoving(shop, await needed(holder));
    } catch (error) {
      await noteFailure(holder, error);
      if (!(error instanceof MusterError)) throw error;
    }
    return status(holder);
  };

  const create = async ({ holder, hostname }: LinkWish): Promise<LinkStatus> => {
    if (!HOSTNAME.test(hostname)) {
      throw new MusterError("invalid", `${JSON.stringify(hostname.slice(0, 64))} is no public host name`);
    }
    let row = await findTunnel(db, holder);
    if (row?.state === "revoking") {
      const left = await unmake(row);
      if (left.state !== "none") throw stillRevoking(left);
      row = undefined;
    }
    if (row !== undefined && row.hostname === hostname) return mend(row);
    try {
      const other = await findTunnelByHostname(db, hostname);
      if (other !== undefined) throw nameHeld(other);
      await checkNameIsFree(shop, hostname);
    } catch (error) {
      // It stays where it is; whoever looks at it sees why.
      await noteFailure(holder, error);
      throw error;
    }
    if (row === undefined) {
      const secret = sealSecret(shop, holder, newSecret(shop));
      const name = tunnelName(shop.hubId, holder);
      if (!(await addTunnel(db, { holder, name, hostname, secret }, now()))) {
        throw new MusterError("conflict", `the tunnel ${name} or the name ${hostname} is another device's`);
      }
    } else {
      if (row.state === "creating") await make(row);
      const { hostname: old, state, secret } = row;
      // A rotation under way goes on as part of this: the new secret is set and waits to be handed over.
      const rotating =
        state === "rotating"
          ? { adopted: 1, secret: secret ?? sealSecret(shop, holder, newSecret(shop)) }
          : {};
      const move = { hostname, old_hostname: old, record_id: null };
      await turnTunnel(db, holder, { state: "creating", ...move, ...rotating });
    }
    return make(await needed(holder));
  };

  const mend = async (row: TunnelRow): Promise<LinkStatus> => {
    const { holder } = row;
    if (row.state === "revoking") throw stillRevoking(statusOf(row));
    if (row.state === "rotating") return statusOf(row);
    if (row.state === "ready") {
      const missing = await missingParts(shop, row).catch(async (error: unknown) => {
        await noteFailure(holder, error);
        throw error;
      });
      if (missing === undefined) {
        await changeTunnel(db, holder, { checked_at: now(), reason: null, tries: 0 });
        return status(holder);
      }
      log.warn("tunnel repaired", { tunnel: row.name, holder });
      await turnTunnel(db, holder, missing);
    }
    return make(await needed(holder));
  };

  const rotate = async (holder: string, handOver: HandOver | undefined): Promise<LinkStatus> => {
    let row = await needed(holder);
    if (row.state === "revoking") throw stillRevoking(statusOf(row));
    if (row.state === "creating") {
      await make(row);
      row = await needed(holder);
    }
    // A rotation that was begun goes on with the secret it wrote down.
    if (row.state !== "rotating" || (row.secret === null && handOver !== undefined)) {
      const secret = handOver === undefined ? {} : { secret: sealSecret(shop, holder, newSecret(shop)) };
      await turnTunnel(db, holder, { state: "rotating", reason: null, ...secret });
      row = await needed(holder);
    }
    if (handOver === undefined) return statusOf(row);
    try {
      await finishRotating(shop, row, handOver);
    } catch (error) {
      await noteFailure(holder, error);
      throw error;
    }
    return status(holder);
  };

  const credentials = async (holder: string): Promise<TunnelCredentials | undefined> => {
    const row = await findTunnel(db, holder);
    if (row === undefined || row.state !== "ready") return undefined;
    return credentialsOf(shop, row);
  };

  return {
    kind: "named",
    limits: NAMED_LIMITS,
    status,
    credentials,
    create: (wish) => turns.run(wish.holder, () => create(wish)),
    repair: (holder) => turns.run(holder, async () => mend(await needed(holder))),
    rotate: (holder, handOver) => turns.run(holder, () => rotate(holder, handOver)),
    remove: (holder) =>
      turns.run(holder, async () => {
        const row = await findTunnel(db, holder);
        return row === undefined ? statusOf(row) : unmake(row);
      }),
    delivered: (holder) =>
      turns.run(holder, async () => {
        const row = await findTunnel(db, holder);
        if (row?.state === "ready") await changeTunnel(db, holder, { secret: null });
      }),
    // Only the giver's turn is taken: the taker has nothing yet, or gets nothing.
    give: (from, to) =>
      turns.run(from, async () => {
        const row = await findTunnel(db, from);
        if (row === undefined || row.state === "revoking") return false;
        // A secret is sealed for its place, and its place changes.
        const secret = openSecret(shop, row);
        const sealed = secret === undefined ? null : sealSecret(shop, to, secret);
        return giveTunnel(db, { from, to, secret: sealed });
      }),
    resume: (holder) =>
      turns.run(holder, async () => {
        const row = await findTunnel(db, holder);
        if (row?.state === "revoking") return unmake(row);
        if (row?.state !== "creating") return statusOf(row);
        try {
          return await make(row);
        } catch (error) {
          if (!(error instanceof MusterError)) throw error;
          // It is in the row and in the log.
          return status(holder);
        }
      }),
  };
}

async function finishRotating(shop: Workshop, begun: TunnelRow, handOver: HandOver): Promise<void> {
  let row = begun;
  row = await takeStep(shop, row, { name: "set_secret", work: (at) => setRecordedSecret(shop, at) });
  row = await takeStep(shop, row, {
    name: "hand_over",
    async work(at) {
      const credentials = credentialsOf(shop, at);
      if (credentials === undefined) throw new Error(`nothing to hand over to ${at.holder}`);
      await inTime(shop, handOver(credentials));
      return {};
    },
  });
  // Last: who still connects by the old secret is cut, and can't come back.
  row = await takeStep(shop, row, { name: "end_connections", work: (at) => endConnections(shop, at) });
  await settleTunnel(shop.db, row.holder, {
    state: "ready",
    secret: null,
    checked_at: shop.world.clock.now(),
    tries: 0,
    reason: null,
  });
}

/** A device that takes them and says nothing must not hold up its own removal. */
async function inTime(shop: Workshop, handing: Promise<void>): Promise<void> {
  let late = (): void => {};
  const tooLate = new Promise<never>((_resolve, reject) => {
    late = () =>
      reject(new MusterError("device_offline", "the device did not take its new tunnel credentials"));
  });
  const timer = shop.world.timers.after(HAND_OVER_TIMEOUT_MS, late);
  try {
    await Promise.race([handing, tooLate]);
  } finally {
    timer.cancel();
  }
}

function credentialsOf(shop: Workshop, row: TunnelRow): TunnelCredentials | undefined {
  const secret = openSecret(shop, row);
  if (secret === undefined || row.tunnel_id === null) return undefined;
  return { accountTag: shop.api.accountId, tunnelId: row.tunnel_id, hostname: row.hostname, secret };
}

function stillRevoking({ url, reason }: LinkStatus): MusterError {
  const why = reason === null ? "" : ` (${reason})`;
  return new MusterError("conflict", `the former link at ${url} is still being removed${why}`, {
    hint: "try again when it is gone; the removal goes on by itself",
  });
}

function nameHeld(row: TunnelRow): MusterError {
  const what = row.state === "revoking" ? "is still being removed" : "belongs to another device";
  return new MusterError("conflict", `the link at ${row.hostname} ${what}`, {
    hint: row.state === "revoking" ? "try again when it is gone" : "choose another name",
  });
}
