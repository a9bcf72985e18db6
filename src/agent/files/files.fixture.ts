// Homes that send files to each other, with a hub between them that a test may be dishonest in. Sessions, rows and
// disks are the real ones; streams are in memory and time moves by hand.
import { seededCrypto } from "../../identity/crypto.fixture.ts";
import { nodeDhKey, nodeSessionCrypto } from "../../identity/sealed/session-crypto-node.ts";
import { toBase64Url } from "../../protocol/bytes.ts";
import { SILENT_LOG } from "../../protocol/log.ts";
import { encodeSessionCall, readSessionWish, SESSION_RESET } from "../../protocol/session-open.ts";
import type { Store } from "../../store/open-store.ts";
import { realLargeFiles } from "../../world/large-files.ts";
import { realWorld } from "../../world/real.ts";
import type { LargeFiles } from "../../world/world.ts";
import type { HubPort } from "../hub-port.ts";
import { MemoryStream } from "../sessions/memory-stream.fixture.ts";
import type { LinkIdentity } from "../../client/commands/command-link.ts";
import { Notices } from "../notices.ts";
import type { StateDatabase } from "../state-migrations.ts";
import { FakeHub, stateStore, tempHome, TestTime, until, type TempHome } from "../testing.ts";
import { openFiles, type Files } from "./open-files.ts";

export { until };

const crypto = seededCrypto("files");
export const NAMES = (key: string): string => key;

/** What the hub does with bytes on their way; `pass` hands some on. */
export type Tamper = (piece: Piece, pass: (bytes: Uint8Array) => void) => void;

interface Piece {
  from: "sender" | "receiver";
  bytes: Uint8Array;
  /** As many ends of streams were open when its own had been. */
  stream: number;
}

const HONEST: Tamper = ({ bytes }, pass) => pass(bytes);

export class FileHub {
  readonly homes = new Map<string, { online: boolean; files: Pick<Files, "open"> }>();
  readonly open: MemoryStream[] = [];
  /** Bytes that senders' ends have written. */
  carried = 0;
  tamper: Tamper = HONEST;
  /** Another device than was asked for. */
  lead = (peerKey: string): string => peerKey;
  /** Another caller than the one that asks. */
  announce = (key: Uint8Array): Uint8Array => key;

  honest(): void {
    this.tamper = HONEST;
    this.lead = (peerKey) => peerKey;
    this.announce = (key) => key;
    this.carried = 0;
  }

  cutAll(): void {
    for (const stream of this.open.splice(0)) stream.reset();
  }

  portOf(key: Uint8Array): Pick<HubPort, "openStream"> {
    return {
      openStream: (payload, events) => {
        const wish = readSessionWish(payload);
        if (wish?.purpose !== "file") throw new Error("only files go here");
        const [near, far] = [new MemoryStream(), new MemoryStream()];
        const stream = this.open.length + 2;
        const carry = (from: "sender" | "receiver", to: MemoryStream) => (bytes: Uint8Array) => {
          if (from === "sender") this.carried += bytes.length;
          this.tamper({ from, bytes, stream }, (passed) => queueMicrotask(() => to.receive(passed)));
        };
        near.join(far, carry("sender", far));
        far.join(near, carry("receiver", near));
        near.adopt(events);
        const home = this.homes.get(this.lead(wish.peerKey));
        if (home === undefined || !home.online) {
          queueMicrotask(() => near.receiveReset(SESSION_RESET.offline));
          return near;
        }
        this.open.push(near, far);
        far.adopt(home.files.open(far, encodeSessionCall("file", this.announce(key))) ?? deaf);
        return near;
      },
    };
  }
}

const deaf = { data() {}, drain() {}, end() {}, close() {} };

export class FileHome implements AsyncDisposable {
  readonly link: LinkIdentity;
  readonly key: string;
  readonly time = new TestTime();
  readonly temp: TempHome;
  readonly store: Store<StateDatabase>;
  readonly notices = new Notices();
  /** Codes with which files did not come whole, as its log names them. */
  readonly refused: string[] = [];
  files: Files;
  online = true;
  freeBytes = Number.POSITIVE_INFINITY;
  readonly #hub: FileHub;

  constructor(hub: FileHub, given: { temp: TempHome; store: Store<StateDatabase> }) {
    this.link = {
      crypto: nodeSessionCrypto(crypto),
      identityKey: crypto.ed25519Signer(crypto.randomBytes(32)).publicKey,
      linkKey: nodeDhKey(crypto, crypto.randomBytes(32)),
    };
    this.temp = given.temp;
    this.store = given.store;
    this.key = toBase64Url(this.link.identityKey);
    this.#hub = hub;
    hub.homes.set(this.key, this);
    this.files = this.#open();
  }

  get received(): string {
    return `${this.temp.path}/received`;
  }

  /** As after a start of the program; what ran before just stops, or ends in order. */
  async restart(how: "killed" | "stopped"): Promise<void> {
    if (how === "stopped") await this.files.close();
    this.files = this.#open();
    this.files.connected();
  }

  async pin(other: FileHome, petname: string): Promise<void> {
    await this.store.db
      .insertInto("peers")
      .values({
        key: other.key,
        link_key: other.link.linkKey.publicKey,
        receive_key: new Uint8Array(32),
        receive_key_at: 0,
        nickname: petname,
        petname,
        kind: "laptop",
        safety: "a b c d e",
        verified: 0,
        since: 0,
        state: "paired",
        epoch: new Uint8Array(16),
        next_sequence: 1,
      })
      .execute();
  }

  async unpin(other: FileHome): Promise<void> {
    await this.store.db.deleteFrom("peers").where("key", "=", other.key).execute();
    this.files.peersChanged();
    this.time.advance(1_000);
  }

  async write(name: string, bytes: Uint8Array): Promise<string> {
    const path = this.temp.file(name);
    await realWorld.disk.write(path, bytes);
    return path;
  }

  async stateOf(id: string): Promise<string> {
    const { state, problem } = await this.files.desk.sending(id, NAMES);
    return problem === undefined ? state : `${state}: ${problem.code}`;
  }

  /** The files in its inbox, with what they hold. */
  async inbox(): Promise<{ id: string; name: string; path: string; bytes: Uint8Array }[]> {
    const rows = await this.store.db.selectFrom("inbox").selectAll().orderBy("position").execute();
    return Promise.all(
      rows.map(async (row) => {
        const file = await this.files.desk.received({ ...row, position: row.position ?? 0 });
        if (file === undefined) throw new Error("no file");
        return { id: row.id, name: file.name, path: file.path, bytes: await realWorld.disk.read(file.path) };
      }),
    );
  }

  async growing(): Promise<string[]> {
    return realWorld.disk.list(`${this.received}/.arriving`).catch(() => []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.files.close();
    await this.store.close();
    await this.temp[Symbol.asyncDispose]();
  }

  #note(code: unknown): void {
    if (typeof code === "string") this.refused.push(code);
  }

  #open(): Files {
    const largeFiles: LargeFiles = { ...realLargeFiles, freeBytes: () => Promise.resolve(this.freeBytes) };
    const hub = new FakeHub();
    hub.connect();
    const failed = (error: unknown): void => {
      throw error instanceof Error ? error : new Error(String(error));
    };
    return openFiles({
      world: { ...realWorld, clock: this.time, timers: this.time },
      largeFiles,
      db: this.store.db,
      hub: Object.assign(hub, this.#hub.portOf(this.link.identityKey)),
      log: { ...SILENT_LOG, info: (_, fields) => this.#note(fields?.["error_code"]) },
      link: this.link,
      sha256: (bytes) => crypto.sha256(bytes),
      notices: this.notices,
      received: this.received,
      inBackground: (_, work) => void work.catch(failed),
    });
  }
}

export async function fileHome(hub: FileHub): Promise<FileHome> {
  return new FileHome(hub, { temp: await tempHome(), store: await stateStore(realWorld) });
}

export interface Two extends AsyncDisposable {
  hub: FileHub;
  anna: FileHome;
  ben: FileHome;
}

/** Anna sends, Ben receives. */
export async function two(): Promise<Two> {
  const hub = new FileHub();
  const [anna, ben] = [await fileHome(hub), await fileHome(hub)];
  await anna.pin(ben, "ben");
  await ben.pin(anna, "anna");
  return {
    hub,
    anna,
    ben,
    async [Symbol.asyncDispose]() {
      await anna[Symbol.asyncDispose]();
      await ben[Symbol.asyncDispose]();
    },
  };
}
