// The local API of an agent: where it listens, and what is behind each of its calls.
import { capabilityQuestion } from "../calls/capability-question.ts";
import { queryFleet } from "../calls/query-fleet.ts";
import { CoOwnerDesk } from "../co-owner-desk.ts";
import { makeDeviceToken } from "../device-tokens.ts";
import { localToken, removeAgentFile, writeAgentFile } from "../home-files.ts";
import { KeyDesk } from "../key-desk.ts";
import { programCalls, publishesWith, type ProgramCalls } from "../local-api/program-calls.ts";
import { localHandlers } from "../local-api/local-handlers.ts";
import { makeServiceTicket } from "../services/ticket-desk.ts";
import { serveLocalApi } from "../local-api/local-server.ts";
import type { AgentOptions } from "../agent-options.ts";
import type { PageServer } from "../page/page-server.ts";
import type { Ends } from "./ends.ts";
import { openPage } from "./open-page.ts";
import type { Parts } from "./open-session.ts";

/** Resolves with its port, once it answers and stands in the home's file. */
export async function openLocalApi(options: AgentOptions, parts: Parts, ends: Ends): Promise<number> {
  const { world, crypto, log, version, pid, paths } = options;
  const { disk, network, random } = world;
  const token = await localToken(disk, paths.token, (length) => random.bytes(length));
  const api = await serveLocalApi({
    network,
    log,
    sha256: (bytes) => crypto.sha256(bytes),
    token: token.reveal(),
    ...(options.localPort === undefined ? {} : { port: options.localPort }),
    ...(options.localHost === undefined ? {} : { host: options.localHost }),
    socketPath: `${paths.sockets}/agent.sock`,
    about: { pid, version },
    handlers: handlersOf(options, parts, openPage(options, parts, ends)),
    programs: programsOf(options, parts),
    publishes: publishesWith({ crypto, clock: world.clock, book: parts.owned.book }),
    metrics: parts.shown.metrics,
  });
  ends.add(() => api.close());
  parts.core.late.port = api.port;
  await writeAgentFile(disk, paths.agentFile, {
    pid,
    port: api.port,
    ...(options.localHost === undefined ? {} : { host: options.localHost }),
    token_file: paths.token,
  });
  ends.add(() => removeAgentFile(disk, paths.agentFile, pid));
  return api.port;
}

function handlersOf(
  options: AgentOptions,
  { core, shown, owned, paired, offering }: Parts,
  page: PageServer,
) {
  const { world, crypto, signer, pid, hub: joined } = options;
  const { clock } = world;
  const { hub, hubKey, hubUrl } = core;
  const { book, devices, removed, commanding } = owned;
  const { lan_url: lanUrl, insecure = false } = joined;
  const addresses = () => ({ hubUrl: hubUrl(), lanUrl, insecure });
  return localHandlers({
    world,
    db: core.db,
    pid,
    hub,
    joined,
    device: core.device,
    hubUrl,
    shares: shown.shares,
    fleet: core.fleet,
    notices: core.notices,
    devices,
    orders: commanding.orders,
    owners: commanding.owners,
    coOwners: new CoOwnerDesk({ clock, crypto, signer, hub, hubKey, addresses, book }),
    keys: new KeyDesk({
      clock,
      crypto,
      signer,
      hub,
      book,
      peerKey: (reference) => paired.peers.key(reference),
    }),
    tasks: commanding.tasks,
    mayCommand: () => book.log?.mayCommand(signer.publicKey, clock.now()) === true,
    leave: async () => {
      await devices.leave();
      await removed.wiped();
    },
    makeToken: (request) => makeDeviceToken({ clock, crypto, signer, hub, hubKey, addresses, book }, request),
    peers: paired.peers,
    query: (request, left) => queryFleet({ crypto, hub, book, ask: offering.query }, request, left),
    ask: (request, left) => offering.ask(capabilityQuestion(request), left),
    serviceTicket: (request) => makeServiceTicket({ clock, crypto, signer, hub, hubUrl, book }, request),
    openPage: () => page.open(),
    onStopAsked: options.onStopAsked,
  });
}

function programsOf({ world, crypto }: AgentOptions, { core, owned, offering }: Parts): ProgramCalls {
  return programCalls({
    clock: world.clock,
    timers: world.timers,
    crypto,
    book: owned.book,
    ask: ({ protocol, version, ...question }, left, signer) =>
      offering.ask({ capability: { protocol, version }, ...question, signer }, left),
    async devices() {
      await core.fleet.refresh();
      return core.fleet.shown?.devices ?? [];
    },
  });
}
