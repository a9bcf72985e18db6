// A query as a person makes it, its devices by name: which keys those are, this home's own copy of the owner log says.
import { toBase64Url } from "../../protocol/bytes.ts";
import type { LocalRequest } from "../../protocol/local-api.ts";
import type { QueryReply } from "../../protocol/query-messages.ts";
import { orderedDevice, type OrderedDeviceParts } from "../orders/ordered-device.ts";
import type { FleetQuestion } from "../../client/calls/ask-fleet.ts";

export type FleetAsker = (
  question: Omit<FleetQuestion, "signed">,
  left: AbortSignal,
) => AsyncGenerator<QueryReply>;

export async function* queryFleet(
  { ask, ...parts }: OrderedDeviceParts & { ask: FleetAsker },
  request: LocalRequest<"query">,
  left: AbortSignal,
): AsyncGenerator<QueryReply> {
  const { type, name, params, devices: wanted, timeout_ms: timeoutMs } = request;
  const devices =
    wanted === undefined
      ? undefined
      : await Promise.all(
          wanted.map(async (reference) => toBase64Url((await orderedDevice(parts, reference)).publicKey)),
        );
  yield* ask({ type, name, params, devices, timeoutMs }, left);
}
