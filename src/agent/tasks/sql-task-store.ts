// Tasks in a database, SQLite or PostgreSQL alike.
import { sql, type Expression, type Kysely, type Selectable, type SqlBool } from "kysely";
import { equalBytes } from "../../protocol/bytes.ts";
import { TASK_STATUSES, type TaskStatus } from "../../protocol/task-statuses.ts";
import type { TaskStats } from "../../protocol/tasks.ts";
import type { Creation, TaskStore } from "./task-store.ts";
import type { TaskDatabase, TasksTable } from "./task-tables.ts";
import { changesTo, isOver, type NewTask, type Task, type TaskChange, type TaskOrder } from "./task.ts";

type Row = Selectable<TasksTable>;

/** Looked through for the best matches; what changed longer ago is not found. */
const SEARCHED_MAX = 1000;
const WORDS_MAX_CHARACTERS = 8000;
const OVER = TASK_STATUSES.filter(isOver);

/** `device`: whose tasks these are. */
export function sqlTaskStore(db: Kysely<TaskDatabase>, device: string): TaskStore {
  const rows = () =>
    db.selectFrom("tasks").selectAll().where("device", "=", device).where("removed_at", "is", null);

  async function rowOfOrder({
    signer,
    commandId,
  }: Pick<TaskOrder, "signer" | "commandId">): Promise<Row | undefined> {
    return db
      .selectFrom("tasks")
      .selectAll()
      .where("device", "=", device)
      .where("signer", "=", signer)
      .where("command_id", "=", commandId)
      .executeTakeFirst();
  }

  return {
    async create(task, nowMs): Promise<Creation> {
      const row = newRow(task, { device, nowMs });
      const inserted = await db
        .insertInto("tasks")
        .values(row)
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst();
      if (inserted.numInsertedOrUpdatedRows === 1n) return { state: "new", task: taskOf(row) };
      const known = await rowOfOrder(task.order);
      if (known === undefined || !equalBytes(known.digest, task.order.digest)) return { state: "reused" };
      return { state: "known", task: known.removed_at === null ? taskOf(known) : undefined };
    },

    async get(id) {
      const row = await rows().where("id", "=", id).executeTakeFirst();
      return row === undefined ? undefined : taskOf(row);
    },

    async ofOrder(order) {
      const row = await rowOfOrder(order);
      return row === undefined || row.removed_at !== null ? undefined : taskOf(row);
    },

    async find(reference) {
      const text = escaped(reference);
      const found = await rows()
        .where(({ or }) => or([like("id", `${text}%`), like("id", `%${text}`)]))
        .orderBy("id", "desc")
        .limit(2)
        .execute();
      return found.map(taskOf);
    },

    async list({ status, limit }, cursor) {
      const after = readCursor(cursor);
      let query = rows()
        .orderBy("updated_at", "desc")
        .orderBy("id", "desc")
        .limit(limit + 1);
      if (status !== undefined) query = query.where("status", "=", status);
      if (after !== undefined) {
        query = query.where(({ eb, or, and }) =>
          or([
            eb("updated_at", "<", after.updatedAt),
            and([eb("updated_at", "=", after.updatedAt), eb("id", "<", after.id)]),
          ]),
        );
      }
      const found = await query.execute();
      const items = found.slice(0, limit).map(taskOf);
      const last = items.at(-1);
      return { items, cursor: found.length > limit && last !== undefined ? cursorOf(last) : null };
    },

    async unfinished(limit) {
      const found = await rows()
        .where("status", "not in", OVER)
        .orderBy("created_at")
        .orderBy("id")
        .limit(limit)
        .execute();
      return found.map(taskOf);
    },

    async search(text, { status, limit }) {
      const words = text
        .toLowerCase()
        .split(/\s+/)
        .filter((word) => word !== "")
        .slice(0, 10);
      let query = rows().orderBy("updated_at", "desc").limit(SEARCHED_MAX);
      if (status !== undefined) query = query.where("status", "=", status);
      for (const word of words) query = query.where(like("words", `%${escaped(word)}%`));
      const found = await query.execute();
      return found
        .map((row) => ({ task: taskOf(row), rank: rankOf(row, words) }))
        .toSorted((a, b) => b.rank - a.rank)
        .slice(0, limit);
    },

    async update({ id, launch }, change, nowMs) {
      const from =
        change.status === undefined
          ? TASK_STATUSES.filter((status) => !isOver(status))
          : changesTo(change.status);
      if (from.length === 0) return undefined;
      const row = await db
        .updateTable("tasks")
        .set({ ...columnsOf(change), updated_at: nowMs })
        .where("device", "=", device)
        .where("id", "=", id)
        .where("launch", "=", launch)
        .where("removed_at", "is", null)
        .where("status", "in", from)
        .returningAll()
        .executeTakeFirst();
      return row === undefined ? undefined : taskOf(row);
    },

    async delete(id, nowMs) {
      const deleted = await db
        .updateTable("tasks")
        .set({
          removed_at: nowMs,
          title: "",
          description: null,
          command: null,
          input: "{}",
          output: null,
          words: "",
        })
        .set({ request: "{}", reason: null })
        .where("device", "=", device)
        .where("id", "=", id)
        .where("status", "in", OVER)
        .where("removed_at", "is", null)
        .executeTakeFirst();
      return deleted.numUpdatedRows === 1n;
    },

    async canRun({ id, launch }) {
      const found = await rows()
        .where("id", "=", id)
        .where("launch", "=", launch)
        .where("status", "=", "pending")
        .executeTakeFirst();
      return found !== undefined;
    },

    async stats() {
      const counted = await db
        .selectFrom("tasks")
        .select(({ fn }) => ["status", fn.countAll<number>().as("tasks")])
        .where("device", "=", device)
        .where("removed_at", "is", null)
        .groupBy("status")
        .execute();
      const stats: TaskStats = { pending: 0, running: 0, completed: 0, failed: 0, cancelled: 0 };
      for (const { status, tasks } of counted) stats[status as TaskStatus] = tasks; // no other is ever written
      return stats;
    },

    async surplus(keep) {
      const found = await rows()
        .where("status", "in", OVER)
        .orderBy("updated_at", "desc")
        .orderBy("id", "desc")
        .offset(keep)
        .limit(SEARCHED_MAX)
        .execute();
      return found.map(taskOf);
    },

    async forget(beforeMs) {
      await db.deleteFrom("tasks").where("device", "=", device).where("removed_at", "<", beforeMs).execute();
    },
  };
}

function newRow(task: NewTask, { device, nowMs }: { device: string; nowMs: number }): Row {
  const { id, title, description, command, input, request, order } = task;
  const words = [title, ...(command ?? []), description ?? ""].join(" ").replaceAll("\0", " ");
  return {
    device,
    id,
    signer: order.signer,
    command_id: order.commandId,
    digest: order.digest,
    title,
    description,
    status: "pending",
    command: command === null ? null : JSON.stringify(command),
    input: JSON.stringify(input),
    output: null,
    request: JSON.stringify(request),
    exit_code: null,
    signal: null,
    reason: null,
    launch: 0,
    created_at: nowMs,
    updated_at: nowMs,
    started_at: null,
    ended_at: null,
    removed_at: null,
    words: words.slice(0, WORDS_MAX_CHARACTERS).toLowerCase(),
  };
}

// What stands in a row was written by this file: its JSON and its status are what they were.
function taskOf(row: Row): Task {
  return {
    id: row.id,
    title: row.title,
    description: row.description,
    status: row.status as TaskStatus,
    command: row.command === null ? null : (JSON.parse(row.command) as string[]),
    input: JSON.parse(row.input) as Task["input"],
    output: row.output === null ? null : (JSON.parse(row.output) as unknown),
    request: JSON.parse(row.request) as Task["request"],
    exitCode: row.exit_code,
    signal: row.signal,
    reason: row.reason,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    launch: row.launch,
  };
}

function columnsOf(change: TaskChange): Partial<Row> {
  return {
    ...(change.status === undefined ? {} : { status: change.status }),
    ...(change.output === undefined ? {} : { output: JSON.stringify(change.output) }),
    ...(change.exitCode === undefined ? {} : { exit_code: change.exitCode }),
    ...(change.signal === undefined ? {} : { signal: change.signal }),
    ...(change.reason === undefined ? {} : { reason: change.reason }),
    ...(change.startedAt === undefined ? {} : { started_at: change.startedAt }),
    ...(change.endedAt === undefined ? {} : { ended_at: change.endedAt }),
    ...(change.launch === undefined ? {} : { launch: change.launch }),
  };
}

function like(column: "id" | "words", pattern: string): Expression<SqlBool> {
  return sql<SqlBool>`${sql.ref(column)} like ${pattern} escape '\\'`;
}

function escaped(text: string): string {
  return text.replaceAll(/[\\%_]/g, (character) => `\\${character}`);
}

/** A word in the title counts twice one elsewhere. */
function rankOf(row: Row, words: readonly string[]): number {
  const title = row.title.toLowerCase();
  const inTitle = words.filter((word) => title.includes(word)).length;
  return words.length === 0 ? 0 : (words.length + inTitle) / (2 * words.length);
}

function cursorOf({ updatedAt, id }: Task): string {
  return `${updatedAt}.${id}`;
}

/** What is no cursor of ours begins at the beginning. */
function readCursor(text: string | null | undefined): { updatedAt: number; id: string } | undefined {
  const read = /^(\d{1,16})\.([0-9a-f-]{1,36})$/.exec(text ?? "");
  return read === null ? undefined : { updatedAt: Number(read[1]), id: read[2] ?? "" };
}
