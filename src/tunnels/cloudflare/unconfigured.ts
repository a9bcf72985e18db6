// Named links of a hub that has no Cloudflare settings: asking for one says what is missing. What an earlier run
// with settings left is shown, and marked for removal when it is asked for, since the hub can't do more alone.

import type { Kysely } from "kysely";
import type { Clock } from "../../world/world.ts";
import type { HubDatabase } from "../../store/hub-schema.ts";
import { findTunnel, turnTunnel } from "../../store/tunnel-rows.ts";
import type { LinkStatus } from "../link.ts";
import type { NamedHosts } from "./hosts.ts";
import { NAMED_LIMITS, type NamedLink } from "./named.ts";
import { namedLinksDisabled } from "./settings.ts";

export const UNCONFIGURED_NAMED_HOSTS: NamedHosts = {
  place: () => Promise.reject(namedLinksDisabled()),
  settle: () => Promise.resolve(new Set()),
};

export function unconfiguredNamedLink(db: Kysely<HubDatabase>, clock: Pick<Clock, "now">): NamedLink {
  const status = async (holder: string): Promise<LinkStatus> => {
    const row = await findTunnel(db, holder);
    return {
      kind: "named",
      state: row?.state ?? "none",
      url: row === undefined ? null : `https://${row.hostname}`,
      checkedAt: row?.checked_at ?? null,
      reason: row === undefined ? null : "Cloudflare Tunnel is not configured",
    };
  };
  const refuse = (): Promise<never> => Promise.reject(namedLinksDisabled());
  return {
    kind: "named",
    limits: NAMED_LIMITS,
    status,
    create: refuse,
    repair: refuse,
    rotate: refuse,
    async remove(holder) {
      const row = await findTunnel(db, holder);
      if (row !== undefined && row.state !== "revoking") {
        await turnTunnel(db, holder, { state: "revoking", tries: 0, reason: null, next_try_at: clock.now() });
      }
      return status(holder);
    },
    resume: status,
    credentials: () => Promise.resolve(undefined),
    delivered: () => Promise.resolve(),
    give: () => Promise.resolve(false),
  };
}
