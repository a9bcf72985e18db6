import { dlopen, ptr } from "bun:ffi";
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openNotifySocket, socketAddress } from "./notify-socket.ts";

/** The service manager's end: a datagram socket of which one message at a time is read. */
function receiver(path: string): { next(): string; close(): void } {
  const { symbols } = dlopen("libc.so.6", {
    socket: { args: ["i32", "i32", "i32"], returns: "i32" },
    bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
    recv: { args: ["i32", "ptr", "u64", "i32"], returns: "i64" },
    close: { args: ["i32"], returns: "i32" },
  });
  const address = socketAddress(path) ?? new Uint8Array();
  const descriptor = symbols.socket(1, 2, 0);
  expect(symbols.bind(descriptor, ptr(address), address.length)).toBe(0);
  const NOT_WAITING = 0x40;
  return {
    next() {
      const bytes = new Uint8Array(1024);
      const length = Number(symbols.recv(descriptor, ptr(bytes), bytes.length, NOT_WAITING));
      return new TextDecoder().decode(bytes.subarray(0, Math.max(0, length)));
    },
    close: () => void symbols.close(descriptor),
  };
}

const onLinux = test.skipIf(process.platform !== "linux");

onLinux("messages arrive whole at a socket in the file system", () => {
  const folder = mkdtempSync(join(tmpdir(), "muster-notify-"));
  const path = join(folder, "notify");
  const manager = receiver(path);
  const notify = openNotifySocket(path);
  expect(notify?.("READY=1\nSTATUS=connected")).toBe(true);
  expect(manager.next()).toBe("READY=1\nSTATUS=connected");
  manager.close();
  rmSync(folder, { recursive: true });
  expect(notify?.("WATCHDOG=1")).toBe(false);
});

onLinux("and at an abstract one", () => {
  const path = `@muster-test-${process.pid}`;
  const manager = receiver(path);
  expect(openNotifySocket(path)?.("WATCHDOG=1")).toBe(true);
  expect(manager.next()).toBe("WATCHDOG=1");
  manager.close();
});

test("what is no address of a socket is not used", () => {
  for (const path of ["", "relative/path", `/${"x".repeat(200)}`]) {
    expect(socketAddress(path)).toBeUndefined();
    expect(openNotifySocket(path)).toBeUndefined();
  }
});
