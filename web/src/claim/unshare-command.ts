// The command that ends a share, for a shell: it names the co-owner in a way that fits no other one.
import type { DeviceView } from "../../../src/protocol/views.ts";

type CoOwner = NonNullable<DeviceView["co_owners"]>[number];

export function unshareCommand(device: string, of: CoOwner, all: readonly CoOwner[]): string {
  const isPlain = /^[\w.@-]+$/.test(of.name);
  const isAlone = all.every((one) => one === of || (one.name !== of.name && !one.owner.startsWith(of.name)));
  const whom = isPlain && isAlone ? of.name : of.owner.slice(0, 12);
  // An id may begin like an option.
  return `muster device unshare ${device} ${whom.startsWith("-") ? `-- ${whom}` : whom}`;
}
