// Whether something listens on a port. A connection is opened and ended at once.
import type { Network } from "../../world/world.ts";

const CONNECT_TIMEOUT_MS = 1000;

/** Tries 127.0.0.1, then ::1: a development server may listen on either. */
export async function portAnswers(network: Pick<Network, "connect">, port: number): Promise<boolean> {
  for (const host of ["127.0.0.1", "::1"]) {
    if (await accepts(network, { host, port }, CONNECT_TIMEOUT_MS)) return true;
  }
  return false;
}

export async function accepts(
  network: Pick<Network, "connect">,
  address: { host: string; port: number },
  timeoutMs: number,
): Promise<boolean> {
  try {
    const socket = await network.connect({
      address,
      timeoutMs,
      connected: () => ({ data() {}, drain() {}, end() {}, close() {} }),
    });
    // A plain end: development servers print a stack for each connection that is reset, and this comes often.
    socket.finish();
    return true;
  } catch {
    // Refused or no route: that is the answer.
    return false;
  }
}
