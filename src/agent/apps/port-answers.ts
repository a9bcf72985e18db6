// Whether something listens on a loopback port. A connection is opened and dropped at once.
import type { Network } from "../../world/world.ts";

const CONNECT_TIMEOUT_MS = 1000;

/** Tries 127.0.0.1, then ::1: a development server may listen on either. */
export async function portAnswers(network: Network, port: number): Promise<boolean> {
  for (const host of ["127.0.0.1", "::1"]) {
    if (await accepts(network, host, port)) return true;
  }
  return false;
}

async function accepts(network: Network, host: string, port: number): Promise<boolean> {
  try {
    const socket = await network.connect({
      address: { host, port },
      timeoutMs: CONNECT_TIMEOUT_MS,
      connected: () => ({ data() {}, drain() {}, end() {}, close() {} }),
    });
    socket.close();
    return true;
  } catch {
    // Refused or no route: that is the answer.
    return false;
  }
}
