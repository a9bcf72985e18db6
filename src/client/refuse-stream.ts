// For a stream that nobody here takes.
import { RESET } from "../trunk/frame.ts";
import type { TrunkStream, TrunkStreamEvents } from "../trunk/stream.ts";

export function refuseStream(stream: TrunkStream, code: number = RESET.refused): TrunkStreamEvents {
  stream.reset(code);
  return { data() {}, drain() {}, end() {}, close() {} };
}
