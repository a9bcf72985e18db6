// One message and many, by a sender of a text protocol, counted as they arrive.
import { Arrivals, type Broker } from "./broker.ts";
import { repeated, type TextSocket } from "./text-socket.ts";

/** Pieces of a burst that are written at once. */
const AT_ONCE = 1_000;

export class TextLoad {
  readonly there = new Arrivals();
  readonly back = new Arrivals();
  /** What arrives there is to be answered. */
  echoes = false;

  /** Each `message` is one. */
  from(sender: TextSocket, message: string): Pick<Broker, "roundTrip" | "burst"> {
    const many = repeated(message, AT_ONCE);
    return {
      roundTrip: async () => {
        this.echoes = true;
        const came = this.back.more(1);
        sender.write(message);
        await came;
      },
      burst: async (count) => {
        this.echoes = false;
        const came = this.there.more(count);
        for (let sent = 0; sent < count; sent += AT_ONCE) {
          sender.write(many);
          await sender.flushed();
        }
        await came;
      },
    };
  }
}
