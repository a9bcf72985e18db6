// Whose this device is, and what follows: its copy of the owner log, the commands it takes and gives, and the
// end of its key when the log takes it out.
import type { OwnerLog } from "../../identity/owner-log.ts";
import type { AgentOptions } from "../agent-options.ts";
import { openCommanding, type Commanding } from "../commanding.ts";
import type { CommandActions } from "../command-actions.ts";
import { CommandDesk } from "../commands.ts";
import { DeviceDesk } from "../device-desk.ts";
import { ObeyedLogs } from "../obeyed-logs.ts";
import { OwnerBook } from "../owner-book.ts";
import { Removed } from "../removed.ts";
import type { CapabilityBook } from "../capabilities/capability-book.ts";
import type { ServiceBook } from "../services/service-book.ts";
import { openTasks, type Tasks } from "../tasks/open-tasks.ts";
import type { Core } from "./open-core.ts";
import type { Ends } from "./ends.ts";
import type { Shown } from "./open-shares.ts";

export interface Owned {
  /** Of its own owner. */
  book: OwnerBook;
  /** That one, and those of co-owners. */
  logs: ObeyedLogs;
  removed: Removed;
  devices: DeviceDesk;
  commanding: Commanding;
  /** Absent where this agent takes no commands. */
  tasks: Tasks | undefined;
  /** Commands of the page, which come over the hub. */
  commands: CommandDesk;
  /** What a page may order; who may is decided before. */
  actions: CommandActions;
  /** What the log says as a whole, whenever it has grown. */
  grown(known: OwnerLog): void;
  /** Told after that, and when a co-owner's has grown. */
  whenGrown(told: () => void): void;
}

const TIDY_EVERY_MS = 3_600_000;

export async function openOwners(
  options: AgentOptions & { appsAtEnd(): "stop" | "leave" },
  given: { core: Core; shown: Shown; services: ServiceBook; capabilities: CapabilityBook; ends: Ends },
): Promise<Owned> {
  const { core, shown, services, capabilities, ends } = given;
  const { world, crypto, log, signer, hub: joined } = options;
  const { db, hub, hubKey, notices, device } = core;
  const { shares } = shown;
  const removed = removedOf(options, core, shown);
  const listeners: (() => void)[] = [];
  const looked = (): void => {
    commanding.sessions?.look();
    for (const told of listeners) told();
  };
  const grown = (known: OwnerLog): void => {
    removed.look(known);
    core.inBackground("co-owners", logs.look());
    looked();
    options.roleChanged?.(known.mayCommand(signer.publicKey, world.clock.now()));
  };
  const book = new OwnerBook({ db, crypto, hub, ownerRoot: joined.owner_root, notices, log, grown });
  const logs = new ObeyedLogs({
    ownerRoot: joined.owner_root,
    publicKey: signer.publicKey,
    own: book,
    open: (ownerRoot) =>
      new OwnerBook({
        db,
        crypto,
        hub,
        ownerRoot,
        // A co-owner whose log is forked is refused alone; there is nothing for the person here to settle.
        notices: { set() {}, clear() {} },
        log,
        grown() {
          commanding.sessions?.look();
          for (const told of listeners) told();
        },
      }),
  });
  await book.load();
  await logs.look();
  const tasks = await tasksOf(options, core);
  if (tasks !== undefined) ends.add(() => tasks.close(options.appsAtEnd()));
  const commanding = openCommanding({
    world,
    crypto,
    log,
    signer,
    hub,
    book,
    logs,
    db,
    device,
    hubFile: joined,
    environment: options.environment,
    ...(options.command === undefined ? {} : { command: options.command }),
    ...(tasks === undefined ? {} : { tasks }),
    disabled: options.offering?.disabled ?? [],
    capabilities,
    services: () => services.services,
    targets: () => shares.list().flatMap(({ id }) => shares.target(id) ?? []),
  });
  ends.add(() => commanding.close());
  core.late.forwardPorts = () => commanding.orders?.forwardPorts ?? [];
  const actions = actionsOf(shares);
  const commands = commandsOf(options, { core, actions, book });
  const tidy = world.timers.every(TIDY_EVERY_MS, () => core.inBackground("old commands", commands.tidy()));
  ends.add(() => tidy.cancel());
  return {
    book,
    logs,
    removed,
    commanding,
    tasks,
    commands,
    actions,
    grown,
    whenGrown: (told) => void listeners.push(told),
    devices: new DeviceDesk({
      clock: world.clock,
      crypto,
      signer,
      hub,
      hubKey,
      book,
      embedded: joined.embedded,
    }),
  };
}

async function tasksOf(
  { world, log, environment, paths, command }: AgentOptions,
  { notices, device }: Core,
): Promise<Tasks | undefined> {
  if (command === undefined) return undefined;
  const { programs, userHome: home, tasks } = command;
  return openTasks({
    ...tasks,
    world,
    programs,
    log: log.part("tasks"),
    notices,
    folder: `${paths.home}/tasks`,
    home,
    environment,
    device,
  });
}

function removedOf(options: AgentOptions, { notices, late }: Core, { tunnel }: Shown): Removed {
  return new Removed({
    publicKey: options.signer.publicKey,
    hubUrl: options.hub.hub_url,
    notices,
    log: options.log,
    endSession: () => {
      late.session?.stop();
      void tunnel.stop();
    },
    wipe: options.wipe ?? (() => Promise.resolve()),
  });
}

function commandsOf(
  { world, crypto, log, signer, hub: joined }: AgentOptions,
  { core, actions, book }: { core: Core; actions: CommandActions; book: OwnerBook },
): CommandDesk {
  return new CommandDesk({
    db: core.db,
    clock: world.clock,
    crypto,
    log,
    device: { id: joined.device_id, publicKey: signer.publicKey },
    ownerRoot: joined.owner_root,
    embedded: joined.embedded,
    book,
    actions,
  });
}

function actionsOf(shares: Shown["shares"]): CommandActions {
  return {
    "share.add": (request) => shares.add(request),
    "share.remove": ({ share }) => shares.remove(share),
    "app.start": async ({ share }) => ({ share: await shares.start(share) }),
    "app.stop": async ({ share }) => ({ share: await shares.stop(share) }),
  };
}
