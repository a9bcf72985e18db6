// Waits for the other device's word that it has a message, or for the end of everything that could bring it.
import { MusterError } from "../../protocol/errors.ts";
import { openPromise } from "../open-promise.ts";
import type { SentMessage } from "../peer.ts";

export interface DeliveryWatch {
  sent(id: string): Promise<SentMessage | undefined>;
  /** After any change; returns how to stop listening. */
  onChange(listener: () => void): () => void;
  /** This device's own end; returns how to stop listening. */
  onClose(listener: () => void): () => void;
  isClosed(): boolean;
}

/** Rejects with `not_found` for a message that is not known, `unavailable` when this device is closed before. */
export function untilDelivered(watch: DeliveryWatch, id: string): Promise<SentMessage> {
  const { promise, resolve, reject } = openPromise<SentMessage>();
  const look = async (): Promise<void> => {
    const message = await watch.sent(id);
    if (message === undefined) reject(new MusterError("not_found", "that message is not known here"));
    else if (message.state === "delivered" || message.state === "dropped") resolve(message);
  };
  const closed = (): void => reject(new MusterError("unavailable", "this device was closed"));
  const leave = [watch.onChange(() => void look().catch(reject)), watch.onClose(closed)];
  // Of what has ended before nobody tells.
  look().then(() => watch.isClosed() && closed(), reject);
  return promise.finally(() => leave.forEach((stop) => stop()));
}
