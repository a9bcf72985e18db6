// What an agent in memory has with devices of others: pairing by code, messages, and files under way.

import { MusterError } from "../../protocol/errors.ts";
import type { LocalResponse } from "../../protocol/local-api.ts";
import type { FileArriving, FileSendView } from "../../protocol/local-peers.ts";
import { STARTED_AT } from "./fake-timers.ts";
import { DEVICE_ID, HUB_URL, peerView, type PeerView } from "./fake-views.ts";

export interface FakePeers {
  peers: PeerView[];
  /** Who enters the code that was made. */
  pairing: { name: string; verified: boolean } | undefined;
  inbox: LocalResponse<"inbox">["items"];
  arriving: FileArriving[];
  /** Files that this device sends. A large one is sent by the name of one of these. */
  sends: FileSendView[];
}

export const FAKE_PEERS = {
  pair_make: (agent: FakePeers, request: { name?: string; verified: boolean }) => {
    agent.pairing = { name: request.name ?? "phone", verified: request.verified };
    return {
      mailbox: "K7",
      code: "K7-Q2MX",
      link: `${HUB_URL}/pair#K7.AAAAAAAAAAAAAAAAAAAAAA.${DEVICE_ID}`,
      expires_at: new Date(STARTED_AT + 300_000).toISOString(),
    };
  },
  pair_wait: (agent: FakePeers) => {
    if (agent.pairing === undefined) return { peer: null };
    const peer = peerView(agent.pairing);
    agent.peers.push(peer);
    return { peer };
  },
  pair_cancel: () => ({}),
  pair_join: (agent: FakePeers, request: { code: string; name?: string; verified: boolean }) => {
    if (request.code !== "K7-Q2MX") {
      throw new MusterError("pairing_failed", "That did not finish. Make a new code.", {
        hint: "run `muster pair` again on the other device; each code works for one try",
      });
    }
    const peer = peerView({ name: request.name ?? "phone", verified: request.verified });
    agent.peers.push(peer);
    return { peer };
  },
  peers: (agent: FakePeers) => ({ peers: agent.peers }),
  peer_unpair: (agent: FakePeers, request: { device: string }) => {
    const peer = findPeer(agent, request.device);
    agent.peers = agent.peers.filter((other) => other !== peer);
    return { peer };
  },
  peer_name: (agent: FakePeers, request: { device: string; name: string }) => {
    const peer = findPeer(agent, request.device);
    const from = peer.name;
    peer.name = request.name;
    return { peer, from };
  },
  peer_verify: (agent: FakePeers, request: { device: string }) => {
    const peer = findPeer(agent, request.device);
    peer.trust = "compared";
    return { peer };
  },
  send: (agent: FakePeers, request: { device: string; file?: string }) => {
    const to = findPeer(agent, request.device).name;
    const large = agent.sends.find(({ name }) => request.file?.endsWith(`/${name}`));
    if (large !== undefined) return { id: large.id, to, state: "queued", file: { ...large, to } };
    return { id: "m1k2m9x4", to, state: "delivered" };
  },
  inbox: (agent: FakePeers, request: { after: number }) => ({
    items: agent.inbox.filter(({ position }) => position > request.after),
    arriving: agent.arriving,
  }),
  /** Half of it goes between two looks, unless it waits. */
  file_send: (agent: FakePeers, request: { id: string }) => {
    const send = findSend(agent, request.id);
    if (send.waits !== undefined || (send.state !== "queued" && send.state !== "sending")) return send;
    send.bytes += send.size / 2;
    send.state = send.bytes < send.size ? "sending" : "delivered";
    return send;
  },
  file_sends: (agent: FakePeers) => ({ items: agent.sends }),
  file_cancel: (agent: FakePeers, request: { id: string }) => {
    const send = findSend(agent, request.id);
    if (send.state === "queued" || send.state === "sending") send.state = "cancelled";
    return send;
  },
  file_refuse: (agent: FakePeers, request: { id: string }) => {
    const [file] = agent.arriving.filter(({ id }) => id.startsWith(request.id));
    if (file === undefined)
      throw new MusterError("not_found", `no file is on its way here under the id "${request.id}"`);
    return { id: file.id, name: file.name };
  },
  inbox_read: () => ({}),
};

function findSend(agent: FakePeers, id: string): FileSendView {
  const send = agent.sends.find((one) => one.id.startsWith(id));
  if (send !== undefined) return send;
  throw new MusterError("not_found", `no file is being sent under the id "${id}"`);
}

function findPeer(agent: FakePeers, reference: string): PeerView {
  const peer = agent.peers.find(({ name }) => name === reference);
  if (peer !== undefined) return peer;
  throw new MusterError("not_found", `this device is paired with no "${reference}"`, {
    hint: "pair the two first: muster pair",
  });
}
