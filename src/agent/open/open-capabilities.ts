// What this device does for others, and what it asks of them.
import type { AgentOptions } from "../agent-options.ts";
import { askCapability, type CapabilityQuestion } from "../../client/calls/ask-capability.ts";
import { askFleet } from "../../client/calls/ask-fleet.ts";
import type { FleetAsker } from "../calls/query-fleet.ts";
import { CallDesk } from "../capabilities/call-desk.ts";
import { ownCapabilities } from "../capabilities/own-capabilities.ts";
import { CapabilityBook } from "../capabilities/capability-book.ts";
import type { CapabilityReply } from "../../protocol/capability-messages.ts";
import { QueryDesk } from "../queries/query-desk.ts";
import { openBuiltIns } from "./open-built-ins.ts";
import type { Core } from "./open-core.ts";
import type { Ends } from "./ends.ts";
import type { Owned } from "./open-owners.ts";

export interface Offering {
  book: CapabilityBook;
  calls: CallDesk;
  queries: QueryDesk;
  ask(question: CapabilityQuestion, left: AbortSignal): AsyncGenerator<CapabilityReply>;
  /** In full where this home commands, else what each device lets the hub see. */
  query: FleetAsker;
}

export function openCapabilityBook(
  { world, log, offering }: AgentOptions,
  { hub }: Core,
  ends: Ends,
): CapabilityBook {
  const { timers } = world;
  const disabled = offering?.disabled ?? [];
  const book = new CapabilityBook({ timers, hub, log: log.part("capabilities"), disabled });
  ends.add(() => book.close());
  return book;
}

export function openCapabilities(
  options: AgentOptions,
  { core, owned, book, ends }: { core: Core; owned: Owned; book: CapabilityBook; ends: Ends },
): Offering {
  const { world, crypto, signer, hub: joined, offering } = options;
  const { clock, random } = world;
  const { hub } = core;
  const ownerRoot = joined.owner_root;
  const { tasks } = owned;
  const { command } = options;
  if (tasks !== undefined && command !== undefined) {
    book.add(ownCapabilities(tasks.desk, command.policy.exec));
  }
  openBuiltIns(options, { core, book, ends });
  const { rules = {}, hubPolicy: policy = "lists" } = offering ?? {};
  const asker = { clock, random, crypto, signer, hub, ownerRoot };
  const mayCommand = (): boolean => owned.book.log?.mayCommand(signer.publicKey, clock.now()) === true;
  const calls = new CallDesk({
    clock,
    crypto,
    ownerRoot,
    publicKey: signer.publicKey,
    logs: owned.logs,
    capabilities: book,
    rules,
    policy,
  });
  owned.whenGrown(() => calls.look());
  return {
    book,
    calls,
    queries: new QueryDesk({
      clock,
      crypto,
      publicKey: signer.publicKey,
      logs: owned.logs,
      policy,
      find: (type, name) => book.answerer(type, name),
    }),
    ask: (question, left) => askCapability(asker, question, left),
    query: (question, left) => askFleet(asker, { ...question, signed: mayCommand() }, left),
  };
}
