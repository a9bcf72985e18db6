// What the person at this device does with the devices it is paired with: pair, send, read, name, part.
import { fromBase64Url } from "../../protocol/bytes.ts";
import { basename } from "node:path";
import { textBody } from "../../client/peers/bodies.ts";
import type { PairingDesk } from "../../client/peers/pairing-desk.ts";
import { choosePeer, namePeer, peerIdOf } from "../../client/peers/pins.ts";
import type { Post } from "../../client/peers/post.ts";
import type { InboxRow, PeerRow } from "../../client/peers/rows.ts";
import type { PeerStore } from "../../client/peers/store.ts";
import { fromUtf8 } from "../../protocol/bytes.ts";
import { MusterError, systemCode } from "../../protocol/errors.ts";
import { decodeFile, encodeFile, MESSAGE_FILE_MAX_BYTES } from "../../protocol/file-in-message.ts";
import type { LocalRequest, LocalResponse } from "../../protocol/local-api.ts";
import type { Disk, Timers } from "../../world/world.ts";
import { KEPT_FILE } from "../files/arrival-rows.ts";
import type { FileDesk, PeerNames } from "../files/file-desk.ts";

export interface PeerDeskOptions {
  store: PeerStore;
  timers: Timers;
  disk: Pick<Disk, "realPath" | "open" | "write" | "info" | "makeFolder">;
  sha256(bytes: Uint8Array): Uint8Array;
  post: Post;
  pairing: PairingDesk;
  /** Carries files that are too large for a message; absent for an agent without a link key. */
  files?: FileDesk;
  /** Where files that come are put. */
  received: string;
}

/** How long one call waits; the caller asks again. */
const WAIT_MS = 5_000;
/** How long `send` watches a message go. */
const SEND_WAIT_MS = 2_000;
const PAGE_MAX = 200;
const PAGE_MAX_BYTES = 4 * 1024 * 1024;

export class PeerDesk {
  readonly #options: PeerDeskOptions;

  constructor(options: PeerDeskOptions) {
    this.#options = options;
  }

  make({ name, verified, reach }: LocalRequest<"pair_make">): Promise<LocalResponse<"pair_make">> {
    return this.#options.pairing.make({ petname: name, verified, reach });
  }

  async wait({ mailbox }: LocalRequest<"pair_wait">): Promise<LocalResponse<"pair_wait">> {
    const outcome = this.#options.pairing.outcome(mailbox);
    if (outcome === undefined) throw new MusterError("not_found", "that pairing is over");
    const peer = await this.#within(WAIT_MS, outcome);
    return { peer: peer === undefined ? null : this.#view(peer) };
  }

  async join({ code, name, verified }: LocalRequest<"pair_join">): Promise<LocalResponse<"pair_join">> {
    return { peer: this.#view(await this.#options.pairing.join(code, { petname: name, verified })) };
  }

  cancel({ mailbox }: LocalRequest<"pair_cancel">): Promise<LocalResponse<"pair_cancel">> {
    this.#options.pairing.cancel(mailbox);
    return Promise.resolve({});
  }

  async peers(): Promise<LocalResponse<"peers">> {
    const rows = await this.#options.store.peers.list();
    const staying = rows.filter(({ state }) => state !== "leaving");
    return { peers: staying.map((row) => this.#view(row)), leaving: rows.length - staying.length };
  }

  async send({ device, text, file: path }: LocalRequest<"send">): Promise<LocalResponse<"send">> {
    const { post, files, disk } = this.#options;
    const peer = await this.#choose(device);
    // The person means what a link leads to; from here on none is followed.
    const file = path === undefined ? undefined : await disk.realPath(path).catch(() => path);
    if (file !== undefined && files !== undefined && (await isLarge(disk, file))) {
      const { id } = await files.send(peer.key, file);
      return { id, to: peer.petname, state: "queued", file: await files.sending(id, await this.#names()) };
    }
    const { kind, body } =
      file === undefined ? { kind: "text" as const, body: textBody(text ?? "") } : await this.#readFile(file);
    const { id } = await post.send(peer.key, kind, body);
    return { id, to: peer.petname, state: await this.#watch(id) };
  }

  async inbox({ after, unread, wait }: LocalRequest<"inbox">): Promise<LocalResponse<"inbox">> {
    const { store } = this.#options;
    const look = () => store.inbox.list({ after, limit: PAGE_MAX, unread });
    let rows = await look();
    if (rows.length === 0 && wait) {
      await this.#until(WAIT_MS, async () => (rows = await look()).length > 0);
    }
    const names = await this.#names();
    const items: LocalResponse<"inbox">["items"] = [];
    let bytes = 0;
    for (const row of rows) {
      if (items.length > 0 && bytes + row.body.length > PAGE_MAX_BYTES) break;
      bytes += row.body.length;
      items.push(await this.#item(row, names));
    }
    return { items, arriving: (await this.#options.files?.arriving(names)) ?? [] };
  }

  async fileSend({ id }: LocalRequest<"file_send">): Promise<LocalResponse<"file_send">> {
    return this.#files().sending(id, await this.#names());
  }

  async fileSends(): Promise<LocalResponse<"file_sends">> {
    return { items: (await this.#options.files?.list(await this.#names())) ?? [] };
  }

  async fileCancel({ id }: LocalRequest<"file_cancel">): Promise<LocalResponse<"file_cancel">> {
    return this.#files().cancel(id, await this.#names());
  }

  fileRefuse({ id }: LocalRequest<"file_refuse">): Promise<LocalResponse<"file_refuse">> {
    return this.#files().refuse(id);
  }

  async read({ up_to }: LocalRequest<"inbox_read">): Promise<LocalResponse<"inbox_read">> {
    await this.#options.store.inbox.markRead(up_to);
    return {};
  }

  async unpair({ device }: LocalRequest<"peer_unpair">): Promise<LocalResponse<"peer_unpair">> {
    const peer = await this.#choose(device);
    await this.#options.post.unpair(peer);
    return { peer: this.#view(peer) };
  }

  async name({ device, name }: LocalRequest<"peer_name">): Promise<LocalResponse<"peer_name">> {
    const peer = await this.#choose(device);
    const petname = await this.#options.store.change((rows) => namePeer(rows, peer.key, name));
    return { peer: this.#view({ ...peer, petname }), from: peer.petname };
  }

  async verify({ device }: LocalRequest<"peer_verify">): Promise<LocalResponse<"peer_verify">> {
    const peer = await this.#choose(device);
    await this.#options.store.peers.change(peer.key, { verified: 1 });
    return { peer: this.#view({ ...peer, verified: 1 }) };
  }

  #files(): FileDesk {
    if (this.#options.files !== undefined) return this.#options.files;
    throw new MusterError("unavailable", "this agent was started without its link key");
  }

  /** What this device calls a key: its petname, or its id once it is paired no more. */
  async #names(): Promise<PeerNames> {
    const { store, sha256 } = this.#options;
    const names = new Map((await store.peers.list()).map((peer) => [peer.key, peer.petname]));
    return (key) => names.get(key) ?? peerIdOf({ key }, sha256);
  }

  /** By petname or id. */
  async key(reference: string): Promise<{ name: string; publicKey: Uint8Array }> {
    const { petname, key } = await this.#choose(reference);
    const publicKey = fromBase64Url(key);
    if (publicKey === undefined) throw new MusterError("state_corrupt", `the pin of ${petname} holds no key`);
    return { name: petname, publicKey };
  }

  async #choose(reference: string): Promise<PeerRow> {
    const { store, sha256 } = this.#options;
    const peers = (await store.peers.list()).filter(({ state }) => state !== "leaving");
    return choosePeer(peers, reference, sha256);
  }

  #view(peer: PeerRow): LocalResponse<"peers">["peers"][number] {
    return {
      id: peerIdOf(peer, this.#options.sha256),
      name: peer.petname,
      nickname: peer.nickname,
      kind: peer.kind,
      safety: peer.safety,
      /** Until the words were compared, the pair is only that. */
      trust: peer.verified === 1 ? "compared" : "paired",
      state: peer.state === "leaving" ? "unrelayed" : peer.state,
      since: new Date(peer.since).toISOString(),
    };
  }

  async #readFile(path: string): Promise<{ kind: "file"; body: Uint8Array }> {
    const { disk, sha256 } = this.#options;
    const file = await disk.open(path).catch((error: unknown) => {
      const why = systemCode(error) === "ENOENT" ? "there is no such file" : "it is no file that can be read";
      throw new MusterError("invalid", `cannot send "${path.slice(-200)}": ${why}`, { cause: error });
    });
    try {
      const { size } = file.info;
      if (size > MESSAGE_FILE_MAX_BYTES) {
        throw new MusterError("too_large", `cannot send "${basename(path)}": it has ${size} bytes`, {
          hint: `a file of at most ${MESSAGE_FILE_MAX_BYTES} bytes fits into a message`,
        });
      }
      const bytes = await file.read(0, size);
      return { kind: "file", body: encodeFile({ name: basename(path), bytes }, sha256) };
    } finally {
      await file.close();
    }
  }

  /** How far it has come, within what a person waits for. */
  async #watch(id: string): Promise<LocalResponse<"send">["state"]> {
    const { post } = this.#options;
    let state: LocalResponse<"send">["state"] = "queued";
    await this.#until(SEND_WAIT_MS, async () => {
      state = (await post.messageState(id))?.state ?? state;
      return state === "delivered" || state === "dropped";
    });
    return state;
  }

  async #item(row: InboxRow, nameOf: PeerNames) {
    const about = {
      position: row.position ?? 0,
      id: row.id,
      from: nameOf(row.peer),
      at: new Date(row.at).toISOString(),
    };
    if (row.kind === "text") return { ...about, text: fromUtf8(row.body) ?? "" };
    const large =
      row.kind === KEPT_FILE ? await this.#options.files?.received({ ...row, ...about }) : undefined;
    if (large !== undefined) return { ...about, file: large };
    const file = row.kind === "file" ? decodeFile(row.body, this.#options.sha256) : undefined;
    if (file === undefined) return { ...about, text: "(a message of a newer version)" };
    const path = await this.#keepFile(about.position, file);
    return { ...about, file: { name: file.name, size: file.bytes.length, sha256: file.sha256, path } };
  }

  /** Written where the number of its message leads, so that doing it again changes nothing. */
  async #keepFile(position: number, file: { name: string; bytes: Uint8Array }): Promise<string> {
    const { disk, received } = this.#options;
    const path = `${received}/${position}-${file.name}`;
    if ((await disk.info(path)) !== undefined) return path;
    await disk.makeFolder(received);
    await disk.write(path, file.bytes);
    return path;
  }

  async #within<Result>(limitMs: number, work: Promise<Result>): Promise<Result | undefined> {
    const late = Promise.withResolvers<undefined>();
    const timer = this.#options.timers.after(limitMs, () => late.resolve(undefined));
    try {
      return await Promise.race([work, late.promise]);
    } finally {
      timer.cancel();
    }
  }

  /** Looks now and after every change, until it is so or the time is over. */
  async #until(limitMs: number, reached: () => Promise<boolean>): Promise<void> {
    const { timers, post, files } = this.#options;
    let changed = Promise.withResolvers<void>();
    const end = { isOver: false };
    const timer = timers.after(limitMs, () => {
      end.isOver = true;
      changed.resolve();
    });
    const stops = [post, files].map((from) => from?.listen(() => changed.resolve()));
    try {
      while (!end.isOver) {
        const next = changed.promise;
        if (await reached()) return;
        await next;
        changed = Promise.withResolvers<void>();
      }
    } finally {
      for (const stop of stops) stop?.();
      timer.cancel();
    }
  }
}

/** For a message; what can't be read is told of where it is read. */
async function isLarge(disk: Pick<Disk, "info">, path: string): Promise<boolean> {
  const info = await disk.info(path);
  return info?.kind === "file" && info.size > MESSAGE_FILE_MAX_BYTES;
}
