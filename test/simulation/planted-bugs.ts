// Bugs that a run must find, planted between a program and its world. Each is one that somebody could write.
import type {
  ConnectOptions,
  ListenOptions,
  Socket,
  SqliteDatabase,
  SqliteStatement,
  Timers,
  World,
} from "../../src/world/world.ts";
import { APP_PORT } from "./sim-device.ts";
import type { Bends } from "./sim-fleet.ts";

export interface PlantedBug {
  bends: Bends;
  /** What a checker must say of it. */
  found: RegExp;
}

export const PLANTED_BUGS: Record<string, PlantedBug> = {
  "the hub acknowledges before it commits": {
    bends: { hub: acknowledgesEarly },
    found: /acknowledged share .* is lost/,
  },
  "a device acknowledges before it commits": {
    bends: { agent: acknowledgesEarly },
    found: /acknowledged share .* is lost|did not come back/,
  },
  "a device's timers are not cleared": {
    bends: { agent: forgetsToCancel },
    found: /did not come back|timers/,
  },
  "an interval of the hub is not cleared": { bends: { hub: leaksIntervals }, found: /timers/ },
  "the hub sends a byte of an answer twice": {
    bends: { hub: repeatsByte },
    found: /got .*bytes|chunk size|got more/,
  },
  "a device sends a POST twice": { bends: { agent: repeatsPosts }, found: /POST .* was done 2 times/ },
  "a device asks another device's app": { bends: { agent: asksAnother }, found: /came to/ },
  "the hub believes a silent device for ever": {
    bends: { hub: hearsForEver },
    found: /shown as online .* after it was last heard of/,
  },
  "the hub drops what a slow visitor did not take": {
    bends: { hub: forgetsShortWrites },
    found: /got|never ended/,
  },
  "a callback throws": { bends: { hub: throwsOnce }, found: /uncaught: .*planted/ },
};

/** Long enough for a kill to come between. */
const COMMIT_LATE_MS = 1500;

function acknowledgesEarly(world: World): World {
  return { ...world, openSqlite: (path) => commitsLate(world.openSqlite(path), world.timers) };
}

/** Everything is written into one transaction that is committed some time later. */
function commitsLate(database: SqliteDatabase, timers: Timers): SqliteDatabase {
  let dirty = false;
  let inner = false;
  const commit = () => {
    if (inner) return void timers.after(1, commit);
    dirty = false;
    database.exec("COMMIT");
  };
  const begin = () => {
    if (dirty) return;
    dirty = true;
    database.exec("BEGIN IMMEDIATE");
    timers.after(COMMIT_LATE_MS, commit);
  };
  const writes = (sql: string) => /^\s*(insert|update|delete)/i.test(sql);
  return {
    query(sql): SqliteStatement {
      const statement = database.query(sql);
      return {
        all: (...values) => (writes(sql) && begin(), statement.all(...values)),
        run: (...values) => (writes(sql) && begin(), statement.run(...values)),
        columnNames: statement.columnNames,
      };
    },
    exec(sql) {
      const [word = ""] = sql.trim().toUpperCase().split(/\W/);
      if (word === "BEGIN" && !sql.includes("EXCLUSIVE")) {
        begin();
        inner = true;
        return database.exec("SAVEPOINT planted");
      }
      if (inner && (word === "COMMIT" || word === "ROLLBACK")) {
        inner = false;
        if (word === "ROLLBACK") database.exec("ROLLBACK TO planted");
        return database.exec("RELEASE planted");
      }
      return database.exec(sql);
    },
    close: () => database.close(),
  };
}

function forgetsToCancel(world: World): World {
  const { timers } = world;
  const after: Timers["after"] = (delayMs, run) => (timers.after(delayMs, run), { cancel: () => undefined });
  return { ...world, timers: { ...timers, after } };
}

function leaksIntervals(world: World): World {
  const { timers } = world;
  // A program that makes a timer for each request and lets it run on.
  const after: Timers["after"] = (delayMs, run) => (
    timers.every(60_000, () => undefined),
    timers.after(delayMs, run)
  );
  return { ...world, timers: { ...timers, after } };
}

function repeatsByte(world: World): World {
  return listening(world, (bytes, write) => {
    const isAnswer = Buffer.from(bytes).toString("latin1").startsWith("HTTP/1.1 200");
    if (!isAnswer) return write(bytes);
    const taken = write(Buffer.concat([bytes, bytes.subarray(-1)]));
    return Math.min(taken, bytes.length);
  });
}

function forgetsShortWrites(world: World): World {
  return listening(world, (bytes, write) => {
    const taken = write(bytes);
    return taken > 0 ? bytes.length : taken;
  });
}

function throwsOnce(world: World): World {
  let writes = 0;
  return listening(world, (bytes, write) => {
    writes += 1;
    if (writes === 40)
      world.timers.after(0, () => {
        throw new Error("planted");
      });
    return write(bytes);
  });
}

function repeatsPosts(world: World): World {
  return connecting(world, (options) => ({
    ...options,
    connected(socket) {
      return options.connected(
        writingBy(socket, (bytes, write) => {
          if (Buffer.from(bytes).toString("latin1").startsWith("POST")) sendAgain(world, options, bytes);
          return write(bytes);
        }),
      );
    },
  }));
}

function sendAgain(world: World, { address, timeoutMs }: ConnectOptions, bytes: Uint8Array): void {
  const copy = Uint8Array.from(bytes);
  void world.network.connect({
    address,
    timeoutMs,
    connected(socket) {
      socket.write(copy);
      return { data() {}, drain() {}, end() {}, close() {} };
    },
  });
}

function asksAnother(world: World): World {
  return connecting(world, (options) => ({ ...options, address: { host: "south", port: APP_PORT } }));
}

function hearsForEver(world: World): World {
  return { ...world, clock: { ...world.clock, monotonic: () => 0 } };
}

type Write = (bytes: Uint8Array) => number;

/** Bends what the program writes to those who connect to it. */
function listening(world: World, bend: (bytes: Uint8Array, write: Write) => number): World {
  const listen = (options: ListenOptions) =>
    world.network.listen({
      ...options,
      connection: (socket) => options.connection(writingBy(socket, bend)),
    });
  return { ...world, network: { ...world.network, listen } };
}

/** Bends how the program connects to its app. */
function connecting(world: World, bend: (options: ConnectOptions) => ConnectOptions): World {
  const connect = (options: ConnectOptions) => {
    const toApp = "port" in options.address && options.address.port === APP_PORT;
    return world.network.connect(toApp ? bend(options) : options);
  };
  return { ...world, network: { ...world.network, connect } };
}

function writingBy(socket: Socket, bend: (bytes: Uint8Array, write: Write) => number): Socket {
  return {
    remoteAddress: socket.remoteAddress,
    localAddress: socket.localAddress,
    tls: socket.tls,
    write: (bytes) => bend(bytes, (given) => socket.write(given)),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    shutdown: () => socket.shutdown(),
    close: () => socket.close(),
    finish: () => socket.finish(),
    channelBinding: () => socket.channelBinding(),
  };
}
