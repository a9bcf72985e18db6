// What is new in an owner's log, for everybody who is here and goes by it. It is said also to who reads slowly: nobody
// would say it again, and a right that was taken back must not stay good for want of room in a queue. The queue itself
// is bounded by the trunk, which ends where its far side does not read at all; whoever comes back is told the ends of
// its logs.
import { followsLog } from "../../protocol/actors.ts";
import type { OwnerLogEntry } from "../../protocol/owner-log.ts";
import type { Session } from "./session.ts";

export function tellLogNews(sessions: Iterable<Session>, root: string, entries: OwnerLogEntry[]): void {
  for (const session of sessions) {
    if (followsLog(session.actor, root)) session.send({ type: "log_entries", owner_root: root, entries });
  }
}
