// The datagram socket on which systemd hears from its services (sd_notify(3)). The runtime has no unix
// datagrams, so the three calls are the C library's own; systemd-notify(1) would cost a process each time.
import { dlopen, ptr } from "bun:ffi";

const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const MSG_NOSIGNAL = 0x4000;
/** sockaddr_un: the family in two bytes, then the path (unix(7)). */
const PATH_MAX_BYTES = 108;

const SYMBOLS = {
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  sendto: { args: ["i32", "ptr", "u64", "i32", "ptr", "u32"], returns: "i64" },
  close: { args: ["i32"], returns: "i32" },
} as const;

/** The C libraries of Linux: glibc's, and musl's by platform. */
const LIBRARIES = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"];

/** Sends one message; false where it could not be sent. `path` as in NOTIFY_SOCKET. */
export type Notify = (message: string) => boolean;

/** Undefined where the C library can't be reached or the path is none. Linux only. */
export function openNotifySocket(path: string): Notify | undefined {
  const address = socketAddress(path);
  const library = address === undefined ? undefined : openLibrary();
  if (address === undefined || library === undefined) return undefined;
  const { socket, sendto, close } = library.symbols;
  return (message) => {
    const bytes = new TextEncoder().encode(message);
    const descriptor = socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
    if (descriptor < 0) return false;
    try {
      const sent = sendto(descriptor, ptr(bytes), bytes.length, MSG_NOSIGNAL, ptr(address), address.length);
      return Number(sent) === bytes.length;
    } finally {
      close(descriptor);
    }
  };
}

/** A path, or with a leading `@` a name of the abstract name space, which begins with NUL. */
export function socketAddress(path: string): Uint8Array | undefined {
  if (!path.startsWith("/") && !path.startsWith("@")) return undefined;
  const name = new TextEncoder().encode(path);
  if (name.length >= PATH_MAX_BYTES) return undefined;
  const abstract = path.startsWith("@");
  if (abstract) name[0] = 0;
  // A path ends with NUL; an abstract name is as long as it is said to be.
  const address = new Uint8Array(2 + name.length + (abstract ? 0 : 1));
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(name, 2);
  return address;
}

function openLibrary(): ReturnType<typeof dlopen<typeof SYMBOLS>> | undefined {
  if (process.platform !== "linux") return undefined;
  for (const name of LIBRARIES) {
    try {
      return dlopen(name, SYMBOLS);
    } catch {
      // Another C library, or none that can be loaded.
    }
  }
  return undefined;
}
