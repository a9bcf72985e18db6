// For tests alone: a desk for capability requests over a fleet in memory, and what its devices may answer.
import type { CapabilityRequest } from "../../protocol/capability-messages.ts";
import type { CapabilityOffer } from "../../protocol/capabilities.ts";
import type { LineStream } from "../../trunk/line-stream.ts";
import { FakeFleet, OWN_ROOT, SOME_SIGNATURE } from "./calls.fixture.ts";
import { CapabilityDesk } from "./capability-desk.ts";

export const chat: CapabilityOffer = { protocol: "llm.chat", version: "1.2.0", class: "compute" };
export const ID = "019ab000-0000-7000-8000-000000000001";
export const request = (more: Partial<CapabilityRequest> = {}): CapabilityRequest => ({
  type: "capability_request",
  request_id: ID,
  capability: { protocol: "llm.chat", version: "1.0.0" },
  payload: '{"text":"hi"}',
  log: OWN_ROOT,
  signature: SOME_SIGNATURE,
  ...more,
});

export const done = (payload: string) => (_: unknown, lines: LineStream) => {
  lines.send({ type: "capability_response", request_id: ID, payload });
  lines.end();
};
export const part = (data: string) => ({ type: "capability_part", request_id: ID, data });
export const refusing = (_: unknown, lines: LineStream) =>
  lines.send({ type: "capability_refused", error: { code: "too_many", message: "busy" } });
export const silent = (): void => {};

export function fleet(grants: { root: string; devices: string[] | null }[] = []) {
  const made = new FakeFleet();
  const { devices, offers, directory, time } = made;
  const desk = new CapabilityDesk({
    devices,
    offers,
    directory,
    clock: time,
    timers: time,
    granted: () => grants,
  });
  const ask = (more: Partial<CapabilityRequest> = {}, roots?: readonly string[]) => {
    const asker = made.ask(desk, roots);
    asker.lines.send(request(more));
    made.time.settle();
    return asker;
  };
  return { made, ask, desk };
}
