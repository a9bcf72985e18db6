// Where the local network reaches a hub that is bound to more than loopback. A wildcard is no address to give
// to anyone, so one of this machine's own stands for it.
import { isLoopbackAddress } from "../protocol/actors.ts";
import type { NetworkInterface } from "../world/world.ts";

export interface Bound {
  hosts: readonly string[];
  port: number;
  interfaces: readonly NetworkInterface[];
}

/** Undefined when only this machine reaches it. */
export function lanUrl({ hosts, port, interfaces }: Bound): string | undefined {
  const wide = hosts.find((host) => host !== "localhost" && !isLoopbackAddress(host));
  if (wide === undefined) return undefined;
  const address = wide === "0.0.0.0" || wide === "::" ? ownAddress(interfaces) : wide;
  // Bound to everyone with no network yet: it is not local, and has no better name.
  if (address === undefined) return `http://localhost:${port}`;
  return `http://${address.includes(":") ? `[${address}]` : address}:${port}`;
}

/** IPv4 first, as people can type it. Bridges of containers come after the machine's own interfaces. */
function ownAddress(interfaces: readonly NetworkInterface[]): string | undefined {
  const outside = interfaces
    .filter(({ internal, address }) => !internal && !/^fe80:/i.test(address))
    .toSorted((a, b) => Number(isBridge(a)) - Number(isBridge(b)));
  return (outside.find(({ address }) => !address.includes(":")) ?? outside[0])?.address;
}

function isBridge({ name }: NetworkInterface): boolean {
  return /^(?:docker|br-|veth|virbr|vmnet|bridge|utun|tun|tap)/.test(name);
}
