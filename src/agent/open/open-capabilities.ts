// What this device does for others, and what it asks of them.
import type { AgentOptions } from "../agent-options.ts";
import { askCapability, type CapabilityQuestion } from "../capabilities/ask-capability.ts";
import { CallDesk } from "../capabilities/call-desk.ts";
import { CapabilityBook } from "../capabilities/capability-book.ts";
import type { CapabilityReply } from "../../protocol/capability-messages.ts";
import type { Core } from "./open-core.ts";
import type { Ends } from "./ends.ts";
import type { Owned } from "./open-owners.ts";

export interface Offering {
  book: CapabilityBook;
  calls: CallDesk;
  ask(question: CapabilityQuestion, left: AbortSignal): AsyncGenerator<CapabilityReply>;
}

export function openCapabilities(
  options: AgentOptions,
  { core, owned, ends }: { core: Core; owned: Owned; ends: Ends },
): Offering {
  const { world, crypto, signer, log, hub: joined, offering } = options;
  const { clock, timers, random } = world;
  const { hub } = core;
  const ownerRoot = joined.owner_root;
  const book = new CapabilityBook({
    timers,
    hub,
    log: log.part("capabilities"),
    disabled: offering?.disabled ?? [],
  });
  ends.add(() => book.close());
  const rules = offering?.rules ?? {};
  return {
    book,
    calls: new CallDesk({ clock, crypto, ownerRoot, book: owned.book, capabilities: book, rules }),
    ask: (question, left) => askCapability({ clock, random, crypto, signer, hub, ownerRoot }, question, left),
  };
}
