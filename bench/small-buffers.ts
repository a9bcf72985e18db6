// A program in a network namespace of its own, whose kernel buffers for TCP are small. Needs root, and
// `unshare` and `ip`.
import { onPath } from "./stage.ts";

const SET_UP = `ip link set lo mtu 1500 up &&
echo 4096 16384 131072 > /proc/sys/net/ipv4/tcp_wmem &&
echo 4096 65536 131072 > /proc/sys/net/ipv4/tcp_rmem &&
exec "$@"`;

export function mayHaveSmallBuffers(): boolean {
  return process.getuid?.() === 0 && onPath("unshare") && onPath("ip");
}

/** What it printed. Its complaints go where ours go. */
export async function inSmallBuffers(command: string[]): Promise<string> {
  const child = Bun.spawn(["unshare", "--net", "sh", "-c", SET_UP, "sh", ...command], {
    stdout: "pipe",
    stderr: "inherit",
  });
  const said = await new Response(child.stdout).text();
  if ((await child.exited) !== 0) throw new Error("the row in a network namespace failed");
  return said;
}
