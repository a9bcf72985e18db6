// A device's shares over a hub that says what a test wants, each in a home of its own.
import { mkdirSync, realpathSync, writeFileSync } from "node:fs";
import { SILENT_LOG } from "../../protocol/log.ts";
import type { Store } from "../../store/open-store.ts";
import { realWorld } from "../../world/real.ts";
import type { World } from "../../world/world.ts";
import { withoutFolder } from "../gateway/closed-folder.ts";
import { Notices } from "../notices.ts";
import type { StateDatabase } from "../state-migrations.ts";
import {
  FakeHub,
  plainHasher,
  stateStore,
  tempHome,
  TestTime,
  testWorld,
  type TempHome,
} from "../testing.ts";
import { ShareBook, type ShareBookOptions } from "./share-book.ts";

export interface Fixture {
  book: ShareBook;
  hub: FakeHub;
  home: TempHome;
  store: Store<StateDatabase>;
  time: TestTime;
  notices: Notices;
  options: ShareBookOptions;
}

const open: Fixture[] = [];

/** After each test. */
export async function closeBooks(): Promise<void> {
  for (const { book, store, home } of open.splice(0)) {
    await book.close("stop");
    await store.close();
    await home[Symbol.asyncDispose]();
  }
}

/** `time: "real"` for tests with processes, which take their own time. */
export async function bookOf(
  kind: "still" | "real" = "still",
  changes: Partial<ShareBookOptions> = {},
): Promise<Fixture> {
  const home = await tempHome();
  const time = new TestTime();
  const world: World = kind === "still" ? testWorld(time) : realWorld;
  const store = await stateStore(world);
  const hub = new FakeHub();
  hub.connect();
  const notices = new Notices();
  const options: ShareBookOptions = {
    world,
    db: store.db,
    log: SILENT_LOG,
    hub,
    hasher: plainHasher,
    notices,
    pageDisk: withoutFolder(world.disk, `${realpathSync(home.path)}/own`),
    logs: home.path,
    environment: { PATH: process.env["PATH"] ?? "" },
    forbiddenPorts: () => [7575],
    device: () => ({ id: "device", name: "laptop" }),
    fleet: () => undefined,
    ...changes,
  };
  const book = new ShareBook(options);
  await book.load();
  const fixture = { book, hub, home, store, time, notices, options };
  open.push(fixture);
  return fixture;
}

export function site(home: TempHome, name = "My Site"): string {
  const path = home.file(name);
  mkdirSync(path);
  writeFileSync(`${path}/index.html`, "hello");
  writeFileSync(`${path}/.env`, "SECRET=1");
  return path;
}
