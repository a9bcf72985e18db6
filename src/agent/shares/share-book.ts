// What this device shares: added, removed, started, stopped and listed here and nowhere else. Each of these
// happens whole or not at all, one at a time per share.
//
//   add:  row (unfinished) → app → hub's label → row (finished)        any step fails: all before it is undone
//
// A row that was left unfinished by a crash is undone at the next start. Losing the hub changes nothing here:
// only `add` needs it, since a share without an address is none.
import type { Kysely } from "kysely";
import { MusterError, publicError } from "../../protocol/errors.ts";
import type { AddShare, LocalResponse } from "../../protocol/local-api.ts";
import { SHARES_PER_DEVICE } from "../../protocol/limits.ts";
import type { Log } from "../../protocol/log.ts";
import { numbered } from "../../protocol/names.ts";
import type { FleetView, ShareState, ShareView } from "../../protocol/views.ts";
import type { AgentDatabase } from "../../store/agent-schema.ts";
import {
  addAgentShare,
  changeAgentShare,
  listAgentShares,
  removeAgentShare,
  type AgentShareChange,
  type AgentShareRow,
} from "../../store/agent-shares.ts";
import { inTransaction } from "../../store/in-transaction.ts";
import type { World } from "../../world/world.ts";
import { callerGone } from "../apps/app.ts";
import { rotatedLogs } from "../apps/rotate-log.ts";
import type { PasswordHasher } from "../gateway/password-check.ts";
import type { PageDisk } from "../gateway/page-files.ts";
import type { ShareTarget } from "../gateway/share-target.ts";
import type { HubPort } from "../hub-port.ts";
import type { Notices } from "../notices.ts";
import { findShare } from "./find-share.ts";
import { KeyedTurns } from "./keyed-turns.ts";
import { ShareExpiry } from "./share-expiry.ts";
import { addRemoval } from "./share-removals.ts";
import { isOutOfReach, SharePublisher, type Published } from "./share-publisher.ts";
import { recordOf, targetOf, type ShareRecord } from "./share-record.ts";
import { newShareRow } from "./share-row.ts";
import { ShareRunners } from "./share-runners.ts";
import { shareViewOf } from "./share-view.ts";
import { warningsOf } from "./share-warnings.ts";
import { checkWish, type ShareWish } from "./share-wish.ts";

export interface ShareBookOptions {
  world: Pick<World, "clock" | "timers" | "random" | "network" | "disk" | "processes">;
  db: Kysely<AgentDatabase>;
  log: Log;
  hub: HubPort;
  hasher: Pick<PasswordHasher, "hash">;
  notices: Notices;
  /** The disk as visitors may see it. */
  pageDisk: PageDisk;
  /** Folder of the apps' logs. */
  logs: string;
  environment: Record<string, string>;
  /** Ports of this program's own, asked for when they matter: the local API has one too. */
  forbiddenPorts(): readonly number[];
  device(): { id: string; name: string };
  /** What the hub last told of the fleet. */
  fleet(): FleetView | undefined;
  /** A share is gone, so what the gateway remembers of it may go. */
  removed?(shareId: string): void;
}

export type Added = LocalResponse<"add">;

/** A name is tried as it is, then with 2, 3 and so on: never more often than there can be shares. */
const NAME_TRIES = SHARES_PER_DEVICE + 1;
const PUBLISHED_AT_ONCE = 8;
/** `NAMED_LIMITS` of the tunnels room, in words. */
const NAMED_LINK_LIMITS = "a named link takes uploads up to 100 MB, and answers that begin within 100 s";

export class ShareBook {
  readonly #options: ShareBookOptions;
  readonly #records = new Map<string, ShareRecord>();
  readonly #turns = new KeyedTurns();
  readonly #runners: ShareRunners;
  readonly #publisher: SharePublisher;
  readonly #expiry: ShareExpiry;

  constructor(options: ShareBookOptions) {
    this.#options = options;
    const { world, db, log, hub, logs, environment } = options;
    this.#publisher = new SharePublisher({ hub, db, timers: world.timers, log });
    this.#runners = new ShareRunners({
      world,
      db,
      log,
      logs,
      environment,
      record: (shareId) => this.#records.get(shareId),
      changed: (shareId, state) => this.#stateChanged(shareId, state),
    });
    this.#expiry = new ShareExpiry({
      clock: world.clock,
      timers: world.timers,
      next: () => this.#nextExpiry(),
      end: (nowMs) => this.#endExpired(nowMs),
    });
  }

  /** Reads what the user asked for and makes it so again. */
  async load(): Promise<void> {
    for (const row of await listAgentShares(this.#options.db)) {
      try {
        await this.#restore(recordOf(row));
      } catch (error) {
        const { message } = publicError(error);
        this.#options.log.error("share could not be restored", { share: row.id, error });
        this.#options.notices.set(
          `share ${row.id}`,
          `the share "${row.name}" could not be restored: ${message}`,
        );
      }
    }
    this.#runners.startLooking(() => this.#finished());
    this.#expiry.arm();
  }

  async #restore(record: ShareRecord): Promise<void> {
    const { id } = record.row;
    if (!record.flags.unfinished) this.#records.set(id, record);
    await this.#runners.restore(record);
    if (record.flags.unfinished) await this.#undo(record);
  }

  /** What the gateway serves under this id, as long as it is wanted. */
  target(shareId: string): ShareTarget | undefined {
    const record = this.#records.get(shareId);
    return record === undefined ? undefined : targetOf(record);
  }

  /** What this device's named link carries under that host name. */
  namedTarget(host: string): ShareTarget | undefined {
    const url = `https://${host}/`;
    const found = this.#finished().find(({ row, flags }) => flags.link === "named" && row.url === url);
    return found === undefined ? undefined : targetOf(found);
  }

  /** Undefined when there is no such share. */
  state(shareId: string): ShareState | undefined {
    const record = this.#records.get(shareId);
    return record === undefined ? undefined : this.#runners.stateOf(record);
  }

  list(): ShareView[] {
    return this.#finished().map((record) => this.#view(record));
  }

  states(): ShareState[] {
    return this.#finished().map((record) => this.#runners.stateOf(record));
  }

  /** Throws `invalid` for a share whose process is not ours. */
  logPath(reference: string): string {
    const record = findShare(this.#finished(), reference);
    const path = this.#runners.logPath(record);
    if (path !== undefined) return path;
    throw new MusterError("invalid", `"${record.row.name}" has no log: its app is not run by Muster`, {
      hint: "an app gets one with `muster add PATH --run COMMAND --port PORT`",
    });
  }

  /** When `caller` is aborted, nobody learns the password of what was made: then there is nothing. */
  async add(asked: AddShare, caller?: AbortSignal): Promise<Added> {
    const { world, forbiddenPorts, hasher, pageDisk } = this.#options;
    const wish = await checkWish(asked, {
      disk: world.disk,
      pageDisk,
      randomBytes: (length) => world.random.bytes(length),
      forbiddenPorts: forbiddenPorts(),
    });
    // Hashing is slow, and a share that can't be published is refused sooner.
    if (this.#options.hub.state.at !== "connected") throw this.#hubAway();
    const verifier = wish.password === undefined ? null : await hasher.hash(wish.password.word.reveal());
    const unfinished = await this.#insert(wish, asked, verifier);
    return this.#turns.run(unfinished.row.id, async () => {
      const record = await this.#carryOut(unfinished, caller);
      const warnings = await warningsOf({ network: world.network, disk: pageDisk }, wish);
      if (caller?.aborted === true) {
        await this.#end(record.row.id);
        throw callerGone();
      }
      if (record.flags.link === "named") warnings.push(NAMED_LINK_LIMITS);
      if (record.row.name !== wish.name) {
        warnings.unshift(`the name "${wish.name}" is taken; the share is called "${record.row.name}"`);
      }
      const made = wish.password?.chosen === false ? { password: wish.password.word.reveal() } : {};
      return { share: this.#view(record), ...made, warnings };
    });
  }

  async remove(reference: string): Promise<{ id: string; name: string }> {
    const { id } = findShare(this.#finished(), reference).row;
    return this.#turns.run(id, async () => {
      // Whoever was faster: what was asked for is so.
      const { row } = this.#existing(id, reference);
      await this.#end(id);
      return { id: row.id, name: row.name };
    });
  }

  /** Rejects with `port_taken` or `app_failed`, or with the hub's refusal; then it is stopped again. */
  async start(reference: string, caller?: AbortSignal): Promise<ShareView> {
    const { id } = findShare(this.#finished(), reference).row;
    return this.#turns.run(id, async () => {
      const before = this.#existing(id, reference);
      if (before.row.wanted_running === 1 && this.#runners.stateOf(before) === "running")
        return this.#view(before);
      await this.#runners.start(before, caller);
      try {
        const record = await this.#change(id, { wanted_running: 1 });
        await this.#publishIfReached(record);
      } catch (error) {
        await this.#runners.stop(before);
        await this.#change(id, { wanted_running: before.row.wanted_running });
        throw error;
      }
      return this.#view(this.#existing(id, reference));
    });
  }

  async stop(reference: string): Promise<ShareView> {
    const { id } = findShare(this.#finished(), reference).row;
    return this.#turns.run(id, async () => {
      const before = this.#existing(id, reference);
      const record = await this.#change(id, { wanted_running: 0 });
      try {
        await this.#runners.stop(record);
      } catch (error) {
        await this.#change(id, { wanted_running: before.row.wanted_running });
        throw error;
      }
      return this.#view(record);
    });
  }

  /** A new session with the hub: everything is told anew, a few at a time. */
  async connected(): Promise<void> {
    await this.#publisher.tellRemovals();
    const waiting = this.#finished().map(({ row }) => row.id);
    const work = async (): Promise<void> => {
      for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) await this.#publishAgain(id);
    };
    await Promise.all(Array.from({ length: PUBLISHED_AT_ONCE }, work));
  }

  #publishAgain(id: string): Promise<void> {
    return this.#turns.run(id, async () => {
      const record = this.#records.get(id);
      // Gone meanwhile, or the session is: the next one tells all of them again.
      if (record === undefined || this.#options.hub.state.at !== "connected") return;
      try {
        await this.#keepAddress(id, await this.#publisher.publish(record, this.#runners.stateOf(record)));
        this.#options.notices.clear(`publish ${id}`);
      } catch (error) {
        const { code, message } = publicError(error);
        this.#options.log.warn("share is not published", { share: id, error_code: code, problem: message });
        if (isOutOfReach(error)) return;
        this.#options.notices.set(
          `publish ${id}`,
          `the hub does not publish "${record.row.name}": ${message}`,
        );
      }
    });
  }

  /** The agent ends: apps end with it, or live on for the next. */
  async close(apps: "stop" | "leave"): Promise<void> {
    this.#expiry.stop();
    await (apps === "stop" ? this.#runners.stopAll() : this.#runners.releaseAll());
  }

  #finished(): ShareRecord[] {
    return [...this.#records.values()].filter(({ flags }) => !flags.unfinished);
  }

  #existing(id: string, reference: string): ShareRecord {
    return this.#records.get(id) ?? findShare([], reference);
  }

  #view(record: ShareRecord): ShareView {
    const { hub, device, fleet, world } = this.#options;
    return shareViewOf(record, {
      state: this.#runners.stateOf(record),
      device: device(),
      hubProblem:
        hub.state.at === "connected" ? undefined : (hub.state.problem?.message ?? "it is being dialled"),
      fleet: fleet(),
      nowMs: world.clock.now(),
    });
  }

  // ---- adding -------------------------------------------------------------------------------------

  /** The row, under the first name that is free here. */
  async #insert(wish: ShareWish, asked: AddShare, verifier: string | null): Promise<ShareRecord> {
    const { world, db } = this.#options;
    const nowMs = world.clock.now();
    for (let attempt = 1; ; attempt++) {
      const name = attempt === 1 ? wish.name : numbered(wish.name, attempt);
      const row = newShareRow(world.random, { wish, asked, verifier, name, nowMs });
      try {
        await addAgentShare(db, row);
        return recordOf(row);
      } catch (error) {
        const taken = error instanceof MusterError && error.code === "name_taken";
        if (!taken || attempt >= NAME_TRIES) throw error;
      }
    }
  }

  async #carryOut(unfinished: ShareRecord, caller: AbortSignal | undefined): Promise<ShareRecord> {
    const { id } = unfinished.row;
    // The prober may ask for it before the hub's answer is here.
    this.#records.set(id, unfinished);
    try {
      await this.#runners.start(unfinished, caller);
      const published = await this.#publisher.publish(unfinished, this.#runners.stateOf(unfinished));
      const options = JSON.stringify({ ...unfinished.flags, unfinished: false });
      const record = await this.#change(id, { ...(await this.#address(unfinished.row, published)), options });
      this.#expiry.arm();
      return record;
    } catch (error) {
      await this.#undo(unfinished).catch((fault: unknown) => {
        // The row stays unfinished, and the next start tries again; nobody is served meanwhile.
        this.#records.delete(id);
        this.#options.log.error("a share that failed could not be undone", { share: id, error: fault });
      });
      throw isOutOfReach(error) && caller?.aborted !== true ? this.#hubAway(error) : error;
    }
  }

  /** Whatever there may be of it is gone: here, and at the hub, which may have heard of it. */
  async #undo(record: ShareRecord): Promise<void> {
    const { row } = record;
    await this.#runners.stop(record);
    await this.#runners.written();
    await inTransaction(this.#options.db, async (transaction) => {
      await addRemoval(transaction, row.id);
      await removeAgentShare(transaction, row.id);
    });
    this.#records.delete(row.id);
    this.#runners.forget(row.id);
    this.#options.removed?.(row.id);
    await this.#publisher.tellRemovals();
  }

  #hubAway(cause?: unknown): MusterError {
    const { state } = this.#options.hub;
    const why =
      state.at === "connected"
        ? publicError(cause).message
        : (state.problem?.message ?? "it is being dialled");
    return new MusterError("hub_unreachable", `nothing was shared, because the hub is out of reach: ${why}`, {
      cause,
      hint: "try again when `muster status` shows the hub as connected",
    });
  }

  // ---- afterwards ---------------------------------------------------------------------------------

  async #change(id: string, change: AgentShareChange): Promise<ShareRecord> {
    const row = await changeAgentShare(this.#options.db, id, change);
    if (row === undefined) throw new MusterError("not_found", "the share is gone");
    const record = recordOf(row);
    this.#records.set(id, record);
    this.#runners.noteState(record);
    return record;
  }

  /** The hub's label is the share's name, but where another share here has that name already. */
  async #address({ id, name }: AgentShareRow, { label, url }: Published): Promise<AgentShareChange> {
    const rows = await listAgentShares(this.#options.db);
    const taken = rows.some((row) => row.name === label && row.id !== id);
    return { label, url, name: taken ? name : label };
  }

  async #keepAddress(id: string, published: Published): Promise<void> {
    const { row } = this.#existing(id, id);
    if (row.label === published.label && row.url === published.url) return;
    await this.#change(id, await this.#address(row, published));
  }

  /** A share that the hub knows already starts without it too. */
  async #publishIfReached(record: ShareRecord): Promise<void> {
    if (this.#options.hub.state.at !== "connected" && record.row.label !== null) return;
    try {
      await this.#keepAddress(
        record.row.id,
        await this.#publisher.publish(record, this.#runners.stateOf(record)),
      );
    } catch (error) {
      if (!isOutOfReach(error) || record.row.label === null) throw error;
    }
  }

  #stateChanged(shareId: string, state: ShareState): void {
    const record = this.#records.get(shareId);
    if (record !== undefined && !record.flags.unfinished) this.#publisher.tellState(shareId, state);
  }

  /** Stops it, forgets it, and has the hub hear of it. In its turn only. */
  async #end(id: string): Promise<void> {
    const record = this.#existing(id, id);
    await this.#undo(record);
    this.#options.notices.clear(`publish ${id}`);
    this.#expiry.arm();
    const logPath = this.#runners.logPath(record);
    if (logPath === undefined) return;
    for (const path of rotatedLogs(logPath)) await this.#options.world.disk.remove(path);
  }

  #nextExpiry(): number | undefined {
    const ends = this.#finished().flatMap(({ row }) => (row.expires_at === null ? [] : [row.expires_at]));
    return ends.length === 0 ? undefined : Math.min(...ends);
  }

  #endExpired(nowMs: number): void {
    for (const { row } of this.#finished()) {
      if (row.expires_at === null || row.expires_at > nowMs) continue;
      this.#options.log.info("share is over", { share: row.id, name: row.name });
      const ended = this.#turns.run(row.id, async () => {
        if (this.#records.has(row.id)) await this.#end(row.id);
      });
      ended.catch((error: unknown) =>
        this.#options.log.error("a share that is over could not be ended", { share: row.id, error }),
      );
    }
  }
}
