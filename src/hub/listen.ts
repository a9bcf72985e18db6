// The hub's listeners: one port on every wanted address. Connections that come before the hub is ready wait
// in the kernel's queue, since nothing accepts before `begin`.
import { systemCode } from "../protocol/errors.ts";
import type { ByteStreamEvents, Listener, Network, Socket, TlsFiles } from "../world/world.ts";

export interface HubBinding {
  /** The first must be had; the others are taken where the machine has them. */
  hosts: string[];
  /** Asked for; 0 picks a free one; undefined is the remembered or the usual one. */
  port: number | undefined;
}

export const USUAL_PORT = 8080;
/** Where a hub that ends TLS itself is looked for. */
export const USUAL_TLS_PORT = 443;

export interface Listening {
  port: number;
  begin(connection: (socket: Socket) => ByteStreamEvents): void;
  /** New connections get this certificate. Throws `invalid` for one that can't be served. */
  renew(files: TlsFiles): void;
  close(): void;
}

/** Rejects with the system's error for the first address. */
export async function listenEverywhere(
  network: Pick<Network, "listen">,
  binding: HubBinding & { remembered: number | undefined; tls?: TlsFiles },
): Promise<Listening> {
  let accept: ((socket: Socket) => ByteStreamEvents) | undefined;
  const connection = (socket: Socket): ByteStreamEvents => {
    if (accept !== undefined) return accept(socket);
    // Too early: whoever it is dials again.
    socket.close();
    return { data() {}, drain() {}, end() {}, close() {} };
  };
  const tls = binding.tls === undefined ? {} : { tls: binding.tls };
  const [first = "127.0.0.1", ...others] = binding.hosts;
  const wanted = wantedPort(binding);
  const main = await network.listen({ address: { host: first, port: wanted }, ...tls, connection });
  const listeners: Listener[] = [main];
  for (const host of others) {
    const { port } = main;
    const other = await network
      .listen({ address: { host, port }, ...tls, connection })
      .catch((error: unknown) => {
        // A machine without IPv6 has no ::1; a taken port there is somebody else's and harms nobody here.
        if (systemCode(error) !== "") return undefined;
        throw error;
      });
    if (other !== undefined) listeners.push(other);
  }
  return {
    port: main.port,
    begin: (take) => (accept = take),
    renew: (files) => listeners.forEach((listener) => listener.renew?.(files)),
    close: () => listeners.forEach((listener) => listener.close()),
  };
}

/** What was remembered of plain HTTP says nothing of TLS. */
export function wantedPort({
  port,
  remembered,
  tls,
}: {
  port: number | undefined;
  remembered: number | undefined;
  tls?: TlsFiles;
}): number {
  return port ?? (tls === undefined ? (remembered ?? USUAL_PORT) : USUAL_TLS_PORT);
}
