// Where a page of tasks ends. The command line reads it too, before it loads anything.

/** A UUID. Only its letters are looked at: cursors are made of it. */
export const TASK_ID = /^[0-9a-f-]{1,36}$/;
/** Where the page before ended: when its last task changed, and its id. Every device reads it alike. */
export const TASK_CURSOR = /^\d{1,16}\.[0-9a-f-]{1,36}$/;

/** Whether it comes behind the page that ended there; null for the first page. */
export function isBehind(
  { id, updated_at: at }: { id: string; updated_at: string },
  page: string | null | undefined,
): boolean {
  const [ms = "", last = ""] = (page ?? "").split(".");
  if (last === "") return true;
  const changed = Date.parse(at);
  return changed < Number(ms) || (changed === Number(ms) && id < last);
}
