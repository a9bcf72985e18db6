// The hub's own relay as a link. It has nothing anywhere but the hub's own name table: a device has it as long as
// it has its host name, there is no secret to change, and removing it is freeing the name.

import { MusterError } from "../protocol/errors.ts";
import type { Link, LinkStatus } from "./link.ts";

export interface HubLinkOptions {
  /** The address that this holder has by the hub's name table, undefined without one. */
  urlOf(holder: string): string | undefined;
  now(): number;
}

export function createHubLink({ urlOf, now }: HubLinkOptions): Link {
  const status = (holder: string): Promise<LinkStatus> => {
    const url = urlOf(holder);
    const state = url === undefined ? "none" : "ready";
    return Promise.resolve({
      kind: "hub",
      state,
      url: url ?? null,
      checkedAt: url === undefined ? null : now(),
      reason: null,
    });
  };
  return {
    kind: "hub",
    limits: { serverSentEvents: true, stableAddress: true },
    status,
    async create({ holder, hostname }) {
      const made = await status(holder);
      if (made.url === null || new URL(made.url).hostname !== hostname) {
        throw new MusterError("conflict", `the name "${hostname}" is not this device's on the hub`);
      }
      return made;
    },
    repair: status,
    rotate: status,
    remove: status,
  };
}
