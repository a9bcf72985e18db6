// Keeps the conversations: what comes is stored before the library hears that it was taken, what goes is stored
// with how far it has come, and both are told to the page.
import type { Peer, ReceivedMessage } from "../../../src/client/peer.ts";
import type { MusterError } from "../../../src/protocol/errors.ts";
import type { Clock } from "../../../src/world/world.ts";
import type { Store } from "../state/store.ts";
import type { PeersState, TalkBody, TalkItem } from "./peers-state.ts";
import { talksOf, withItem, type Talks } from "./talk.ts";
import { overflowing, type TalkStore } from "./talk-store.ts";

export interface TalkKeeperOptions {
  store: Store<PeersState>;
  talks: TalkStore;
  clock: Pick<Clock, "now">;
  /** Whether a person sees this conversation now. */
  isSeen(peer: string): boolean;
  /** Read out to who can't see the page. */
  say(sentence: string): void;
}

export interface TalkKeeper {
  /** What is kept, to begin with. */
  load(): Promise<Talks>;
  received(message: ReceivedMessage): Promise<void>;
  sent(id: string, to: string, content: { body: TalkBody; bytes?: Uint8Array }): Promise<void>;
  /** A file that came by a session of its own: whole and checked. */
  receivedFile(file: ArrivedFile): Promise<void>;
  /** The hash of a file that came before under this id. */
  kept(id: string, from: string): string | undefined;
  /** A file that went by a session of its own has arrived, or will not. */
  ended(id: string, to: string, problem: MusterError | undefined): Promise<void>;
  /** The other device calls itself something else. */
  renamed(peer: string, names: { from: string; to: string }): Promise<void>;
  /** Asks how far everything has come that was not there yet. */
  follow(peer: Pick<Peer, "sent">): Promise<void>;
  seen(peer: string): Promise<void>;
  /** Its pairing is over: what it was called at last is kept with what was said. */
  over(peer: string, name: string): Promise<void>;
  forget(peer: string): Promise<void>;
  bytes(item: TalkItem): Promise<Uint8Array | Blob | undefined>;
}

export interface ArrivedFile {
  id: string;
  from: string;
  at: number;
  name: string;
  size: number;
  sha256: string;
  blob: Blob;
}

export function keepTalks({ store, talks, clock, isSeen, say }: TalkKeeperOptions): TalkKeeper {
  const nameOf = (key: string): string =>
    store.get().peers?.find((peer) => peer.key === key)?.petname ?? "a device";

  const keep = async (item: TalkItem, bytes?: Uint8Array | Blob): Promise<void> => {
    await talks.put(item, bytes);
    store.set({ talks: withItem(store.get().talks, item) });
  };

  const makeRoom = async (): Promise<void> => {
    const { items, files } = overflowing(store.get().talks);
    for (const item of files) {
      if (item.body.kind === "file") await keep({ ...item, body: { ...item.body, kept: false } });
    }
    if (items.length === 0) return;
    await talks.remove(items);
    const gone = new Set(items);
    store.set({
      talks: new Map(
        Array.from(store.get().talks, ([key, talk]) => [key, talk.filter((item) => !gone.has(item))]),
      ),
    });
  };

  return {
    async load() {
      const kept = await talks.all();
      // A page that was closed can't read the file any more that a person had chosen in it.
      const lost = kept.filter(
        ({ body, state }) => body.kind === "file" && body.session && state === "queued",
      );
      const dropped = new Map<TalkItem, TalkItem>();
      for (const item of lost) {
        const now: TalkItem = {
          ...item,
          state: "dropped",
          problem: "The page was closed before it had gone.",
        };
        await talks.put(now);
        dropped.set(item, now);
      }
      return talksOf(kept.map((item) => dropped.get(item) ?? item));
    },
    async received(message) {
      const { id, from: peer, at } = message;
      const name = nameOf(peer);
      const known = store
        .get()
        .talks.get(peer)
        ?.some((item) => item.id === id && item.from === "peer");
      // It was kept, and this page closed before the library heard so.
      if (known === true) return;
      const unread = !isSeen(peer);
      const item: TalkItem = { id, peer, name, from: "peer", at, body: bodyOf(message), state: null, unread };
      await keep(item, message.type === "file" ? message.bytes : undefined);
      await makeRoom();
      say(
        message.type === "file"
          ? `${name} has sent the file ${message.name}.`
          : `${name} has sent a message.`,
      );
    },
    async sent(id, peer, { body, bytes }) {
      const name = nameOf(peer);
      const item: TalkItem = {
        id,
        peer,
        name,
        from: "me",
        at: clock.now(),
        body,
        state: "queued",
        unread: false,
      };
      await keep(item, bytes);
      await makeRoom();
    },
    async receivedFile({ id, from: peer, at, name: fileName, size, sha256, blob }) {
      const name = nameOf(peer);
      const body = { kind: "file", name: fileName, size, kept: true, session: true, sha256 } as const;
      await keep({ id, peer, name, from: "peer", at, body, state: null, unread: !isSeen(peer) }, blob);
      await makeRoom();
      say(`${name} has sent the file ${fileName}.`);
    },
    kept(id, from) {
      const item = store
        .get()
        .talks.get(from)
        ?.find((one) => one.id === id && one.from === "peer");
      return item?.body.kind === "file" ? item.body.sha256 : undefined;
    },
    async ended(id, to, problem) {
      const item = store
        .get()
        .talks.get(to)
        ?.find((one) => one.id === id && one.from === "me");
      if (item === undefined) return;
      const why = problem === undefined ? {} : { problem: problem.message };
      await keep({ ...item, state: problem === undefined ? "delivered" : "dropped", ...why });
    },
    async renamed(peer, names) {
      const at = clock.now();
      const body = { kind: "renamed", ...names } as const;
      const id = `renamed ${at}`;
      await keep({ id, peer, name: nameOf(peer), from: "peer", at, body, state: null, unread: true });
    },
    async follow(peer) {
      for (const item of [...store.get().talks.values()].flat()) {
        if (item.state !== "queued" && item.state !== "relayed") continue;
        if (item.body.kind === "file" && item.body.session) continue;
        const state = (await peer.sent(item.id))?.state;
        if (state !== undefined && state !== item.state) await keep({ ...item, state });
      }
    },
    async seen(peer) {
      for (const item of store.get().talks.get(peer) ?? []) {
        if (item.unread) await keep({ ...item, unread: false });
      }
    },
    async over(peer, name) {
      const last = store.get().talks.get(peer)?.at(-1);
      if (last !== undefined && last.name !== name) await keep({ ...last, name });
    },
    async forget(peer) {
      await talks.remove(store.get().talks.get(peer) ?? []);
      const left = new Map(store.get().talks);
      left.delete(peer);
      store.set({ talks: left });
    },
    bytes: (item) => talks.bytes(item),
  };
}

function bodyOf(message: ReceivedMessage): TalkBody {
  switch (message.type) {
    case "text":
      return { kind: "text", text: message.text };
    case "file":
      return { kind: "file", name: message.name, size: message.bytes.length, kept: true };
    case "unknown":
      return { kind: "unknown" };
  }
}
