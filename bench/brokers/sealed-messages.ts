// Messages as people and programs send them: from one agent to another, each sealed and signed, on the disk of the
// sender, of the hub and of the receiver, and counted once the receiver's own signature says that it keeps it.
import { pairUp, type Device, type Joined } from "../muster/devices.ts";
import { MESSAGE_BYTES, type Broker } from "./broker.ts";

const AT_ONCE = 64;
const TEXT = "x".repeat(MESSAGE_BYTES);

export async function sealedMessages({ hub }: Joined, [sender, receiver]: [Device, Device]): Promise<Broker> {
  await pairUp(sender, receiver);
  const send = async (): Promise<void> => {
    const { state } = await sender.call("send", { device: receiver.name, text: TEXT });
    if (state !== "delivered") throw new Error(`a message is only ${state} after two seconds`);
  };
  return {
    name: "Muster, messages",
    promises: "on all three disks, sealed and signed end to end, TLS",
    hub: [hub.pid],
    agent: [sender.pid, receiver.pid],
    // Its acknowledgement is sealed, signed and relayed like a message.
    roundTrip: send,
    async burst(count) {
      let left = count;
      const line = async (): Promise<void> => {
        while (left > 0) {
          left -= 1;
          await send();
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, line));
    },
    burstCount: 2 * AT_ONCE,
  };
}
