// The name of the shell that this tab left on a device, so that a page that is loaded anew takes it up again.

const KEY = "muster-shell-";

export function leftShell(
  storage: Pick<Storage, "getItem" | "setItem" | "removeItem">,
  deviceId: string,
): { get(): string | undefined; set(session: string | undefined): void } {
  const key = KEY + deviceId;
  return {
    get: () => storage.getItem(key) ?? undefined,
    set: (session) => (session === undefined ? storage.removeItem(key) : storage.setItem(key, session)),
  };
}
