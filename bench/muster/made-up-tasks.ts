// What a simulated device says of its tasks: a page of as many as a person looks at, in the form of the real ones.
const TASKS = 5;

export function madeUpTasks(device: string): object {
  const at = "2026-11-20T09:00:00.000Z";
  const items = Array.from({ length: TASKS }, (_, number) => ({
    id: `0193-${device}-${number}`,
    title: `nightly build ${number}`,
    status: number === 0 ? "running" : "completed",
    exit_code: number === 0 ? null : 0,
    created_at: at,
    updated_at: at,
  }));
  return { items, cursor: null };
}
