// The agent's parts that command and are commanded, put together: what runs here by a controller's order, and what
// the person at this home orders here and elsewhere.
import type { Kysely } from "kysely";
import type { Crypto, Signer } from "../identity/crypto.ts";
import type { DhKey, SessionCrypto } from "../identity/sealed/session-crypto.ts";
import type { HubFile } from "../protocol/local-api.ts";
import type { Log } from "../protocol/log.ts";
import { isSessionOpen } from "../protocol/session-open.ts";
import type { ShareTarget } from "./gateway/share-target.ts";
import { RESET } from "../trunk/frame.ts";
import type { TrunkStream, TrunkStreamEvents } from "../trunk/stream.ts";
import type { Programs, World } from "../world/world.ts";
import { capabilityCommand, type CapabilityCommandParts } from "./capabilities/capability-command.ts";
import { unlessDisabled } from "./capabilities/unless-disabled.ts";
import { execCommand } from "./exec/exec-command.ts";
import { forwardCommand, type RegisteredPort } from "./exec/forwards.ts";
import { Shells } from "./exec/shells.ts";
import type { HubPort } from "./hub-port.ts";
import { OrderDesk } from "./orders/order-desk.ts";
import { OrderQueue } from "./orders/order-queue.ts";
import type { ObeyedLogs } from "./obeyed-logs.ts";
import type { OwnerBook } from "./owner-book.ts";
import { OwnerDesk } from "./owner-desk.ts";
import { CommandSessions, type CommandPolicy } from "./sessions/command-sessions.ts";
import type { StateDatabase } from "./state-migrations.ts";
import { FleetTasks } from "./tasks/fleet-tasks.ts";
import type { TaskPlace, Tasks } from "./tasks/open-tasks.ts";
import { taskCommands } from "./tasks/task-commands.ts";

export interface CommandOptions {
  programs: Programs;
  link: { crypto: SessionCrypto; key: DhKey };
  policy: CommandPolicy;
  /** Where commands run that name no folder. */
  userHome: string;
  tasks: TaskOptions;
}

export interface TaskOptions {
  place: TaskPlace;
  /** How many run at once; the others wait. */
  runningMax: number;
  /** The program that keeps one; see tasks/keep-task.ts. */
  keeper: readonly string[];
}

export interface CommandingParts {
  world: World;
  crypto: Crypto;
  log: Log;
  signer: Signer;
  hub: HubPort;
  book: OwnerBook;
  logs: ObeyedLogs;
  db: Kysely<StateDatabase>;
  environment: Record<string, string>;
  command?: CommandOptions;
  /** Beside `command`. */
  tasks?: Tasks;
  hubFile: HubFile;
  /** Under the name it goes by now. */
  device(): { id: string; name: string };
  /** Capabilities that it does not offer, although it could. */
  disabled: readonly string[];
  /** What it can do, now. */
  capabilities: CapabilityCommandParts["capabilities"];
  /** What this device offers by name, now. */
  services(): readonly RegisteredPort[];
  /** What is shared now: its apps' ports may be forwarded too. */
  targets(): readonly ShareTarget[];
}

export interface Commanding {
  /** Absent where this agent takes no commands. */
  readonly sessions: CommandSessions | undefined;
  readonly orders: OrderDesk | undefined;
  readonly owners: OwnerDesk | undefined;
  readonly tasks: FleetTasks | undefined;
  /** Undefined for a stream that is none of a session. */
  open(stream: TrunkStream, payload: Uint8Array): TrunkStreamEvents | undefined;
  close(): void;
}

export function openCommanding(parts: CommandingParts): Commanding {
  const { world, crypto, log, signer, hub, book, logs, db, environment, command, tasks, hubFile } = parts;
  if (command === undefined || tasks === undefined) return withoutKeys();
  const { clock, timers, network, random } = world;
  const { programs, link, policy, userHome: home } = command;
  const { disabled } = parts;
  const exec = execCommand({ tasks, clock, random });
  const shells = new Shells({ programs, timers, random, home, environment });
  const own = { crypto: link.crypto, identityKey: signer.publicKey, linkKey: link.key };
  const sessions = new CommandSessions({
    db,
    clock,
    timers,
    crypto,
    log: log.part("command"),
    signer,
    link: own,
    deviceId: hubFile.device_id,
    ownerRoot: hubFile.owner_root,
    logs,
    policy,
    kinds: {
      exec: unlessDisabled("exec", disabled, exec),
      shell: unlessDisabled("shell", disabled, shells),
      capability: capabilityCommand({ timers, capabilities: parts.capabilities }),
      forward: forwardCommand({
        clock,
        timers,
        network,
        ports: () => portsOf(parts.services(), parts.targets()),
      }),
      ...taskCommands(tasks.desk),
    },
  });
  const controller = { timers, crypto, signer, link: own, hub, book };
  const queue = new OrderQueue({ db, clock, crypto, hub, book, controller, log: log.part("command") });
  const orders = new OrderDesk({
    clock,
    network,
    crypto,
    hub,
    book,
    controller,
    random,
    own: parts.device,
    exec,
    queue,
  });
  return {
    sessions,
    orders,
    owners: new OwnerDesk({
      clock,
      crypto,
      signer,
      hub,
      book,
      linkKey: link.key.publicKey,
      embedded: hubFile.embedded,
    }),
    tasks: new FleetTasks({
      crypto,
      hub,
      book,
      clock,
      random,
      controller,
      desk: tasks.desk,
      queue,
      own: parts.device,
    }),
    open: (stream, payload) => (isSessionOpen(payload) ? sessions.open(stream, payload) : undefined),
    close() {
      queue.close();
      orders.close();
      sessions.close();
      shells.close();
    },
  };
}

/** Those that have a name, then the ports of apps that are shared. */
function portsOf(services: readonly RegisteredPort[], targets: readonly ShareTarget[]): RegisteredPort[] {
  const shared = targets.flatMap((share) =>
    share.kind === "app" ? [{ name: share.name, port: share.port, type: "http" as const }] : [],
  );
  const named = new Set(services.map((service) => service.name));
  return [...services, ...shared.filter((share) => !named.has(share.name))];
}

/** An agent that was given no link key takes no streams of sessions, and has nobody to order. */
function withoutKeys(): Commanding {
  return {
    sessions: undefined,
    orders: undefined,
    owners: undefined,
    tasks: undefined,
    open(stream, payload) {
      if (!isSessionOpen(payload)) return undefined;
      stream.reset(RESET.refused);
      return { data() {}, drain() {}, end() {}, close() {} };
    },
    close() {},
  };
}
