// What the agent's parts need of the session with the hub: ask, tell, and know whether there is one.
import type { ClientToHub, HubMessage, HubToClient } from "../protocol/messages.ts";
import { MusterError } from "../protocol/errors.ts";
import type { TrunkStream, TrunkStreamEvents } from "../trunk/stream.ts";
import type { OpenRefusal } from "../trunk/trunk.ts";
import type { Timers } from "../world/world.ts";
import type { Asked, HubSessionState } from "./link/hub-session.ts";

export interface HubPort {
  readonly state: HubSessionState;
  /** Rejects with the hub's refusal, or `hub_unreachable` when there is no session or no answer in time. */
  request<Type extends HubToClient["type"]>(asked: Asked, type: Type): Promise<HubMessage<Type>>;
  /** False while there is no session. */
  send(message: ClientToHub): boolean;
  /** A stream towards the hub; in words why there is none. */
  openStream(payload: Uint8Array, events: TrunkStreamEvents): TrunkStream | OpenRefusal;
}

/** The answer, or `hub_unreachable` when it takes longer than a person waits. */
export async function answerWithin<Answer>(
  timers: Timers,
  limitMs: number,
  answer: Promise<Answer>,
): Promise<Answer> {
  let cancel = (): void => {};
  const late = new Promise<never>((_, reject) => {
    const timer = timers.after(limitMs, () =>
      reject(new MusterError("hub_unreachable", `the hub did not answer within ${limitMs / 1000} s`)),
    );
    cancel = () => timer.cancel();
  });
  // Whichever comes second is of no interest any more.
  answer.catch(() => {});
  try {
    return await Promise.race([answer, late]);
  } finally {
    cancel();
  }
}
