// What the rest of an agent stands on: its state, what it tells the person, and the way to its hub.
import type { Kysely } from "kysely";
import { fromBase64Url } from "../../protocol/bytes.ts";
import { MusterError, publicError } from "../../protocol/errors.ts";
import { INSECURE_NOTICE } from "../../protocol/local-api.ts";
import { emptyJournal, openStore } from "../../store/open-store.ts";
import type { AgentOptions, HubLink } from "../agent-options.ts";
import type { HubPort } from "../hub-port.ts";
import { KnownFleet } from "../known-fleet.ts";
import { Notices } from "../notices.ts";
import { STATE_MIGRATIONS, type StateDatabase } from "../state-migrations.ts";
import type { Ends } from "./ends.ts";

export interface Core {
  db: Kysely<StateDatabase>;
  notices: Notices;
  hub: HubPort;
  hubKey: Uint8Array;
  fleet: KnownFleet;
  /** This device under the name it goes by now. */
  device(): { id: string; name: string };
  /** As the hub says, once it has. */
  hubUrl(): string;
  /** Work that nobody waits for. What goes wrong in it is in the log. */
  inBackground(what: string, work: Promise<void>): void;
  /** Its own public host name, in lower case; "" where it has none. */
  hostname(): string;
  /** What is made after the parts that need it; `named` is what the hub called it since this session began. */
  late: {
    session?: HubLink;
    port?: number;
    pagePort?: () => number | undefined;
    forwardPorts?: () => readonly number[];
    named?: { name: string; hostname: string } | undefined;
  };
}

const STORAGE_FULL_NOTICE =
  "what this device had to keep last was refused: its disk is full or read-only. Free some space";

/** For so long, at most, pages from before stay beside the database: erased receive keys among them. */
const EMPTY_EVERY_MS = 3_600_000;

export async function openCore(options: AgentOptions, ends: Ends): Promise<Core> {
  const { world, log, paths, hub: joined } = options;
  for (const folder of [paths.home, paths.logs, paths.sockets]) await world.disk.makeFolder(folder);
  const notices = new Notices();
  for (const loss of options.losses ?? []) notices.set(loss, loss);
  if (joined.insecure === true) notices.set("insecure", INSECURE_NOTICE);
  const store = await openStore<StateDatabase>({
    world,
    path: paths.stateDatabase,
    migrations: STATE_MIGRATIONS,
    lossLevel: "warning",
    deleted: "erased",
    onNotice: ({ message }) => notices.set("state", message),
    onWrite: (outcome) => {
      if (outcome === "written") notices.clear("full");
      else notices.set("full", STORAGE_FULL_NOTICE);
    },
  });
  ends.add(() => store.close());
  const late: Core["late"] = {};
  const hub = hubPort(late);
  const core: Core = {
    db: store.db,
    notices,
    hub,
    hubKey: keyOf(joined.hub_key),
    fleet: new KnownFleet(hub, world.timers),
    device() {
      const registered = hub.state.at === "connected" ? hub.state.registered : undefined;
      return { id: joined.device_id, name: late.named?.name ?? registered?.name ?? joined.name };
    },
    hostname() {
      const registered = hub.state.at === "connected" ? hub.state.registered : joined;
      return (late.named?.hostname ?? registered.hostname ?? "").toLowerCase();
    },
    hubUrl: () => (hub.state.at === "connected" ? hub.state.registered.hub_url : joined.hub_url),
    inBackground(what, work) {
      work.catch((error: unknown) => {
        const { code, message } = publicError(error);
        log.warn("background work failed", {
          what,
          error_code: code,
          problem: message,
          ...(code === "internal" ? { error } : {}),
        });
      });
    },
    late,
  };
  const emptying = world.timers.every(EMPTY_EVERY_MS, () =>
    core.inBackground("the journal", emptyJournal(store.db)),
  );
  ends.add(() => emptying.cancel());
  return core;
}

/** The session as the parts see it: they are made before it is. */
function hubPort(late: Core["late"]): HubPort {
  const notYet = new MusterError("hub_unreachable", "the agent is just starting");
  return {
    get state() {
      return late.session?.state ?? { at: "connecting", problem: undefined };
    },
    request: (asked, type) => late.session?.request(asked, type) ?? Promise.reject(notYet),
    send: (message) => late.session?.send(message) ?? false,
    openStream: (payload, events) => late.session?.openStream(payload, events) ?? "closed",
  };
}

function keyOf(text: string): Uint8Array {
  const key = fromBase64Url(text);
  if (key?.length === 32) return key;
  throw new MusterError("state_corrupt", "hub.json holds no key of a hub");
}
