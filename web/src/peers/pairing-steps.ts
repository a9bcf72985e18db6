// Pairing as a person goes through it: a code that waits, a code that is entered, a link that was scanned. The page
// remembers the one that it shows; what comes of another that was given up changes nothing.
import type { MadeCode, PairedDevice, Peer } from "../../../src/client/peer.ts";
import { MusterError, publicError } from "../../../src/protocol/errors.ts";
import { formatPairingLink } from "../../../src/protocol/pairing-code.ts";
import type { Clock } from "../../../src/world/world.ts";
import type { Store } from "../state/store.ts";
import type { Pairing, PeersState } from "./peers-state.ts";

export interface PairingStepsOptions {
  store: Store<PeersState>;
  clock: Pick<Clock, "now">;
  /** The device that this browser is, once the hub has let it in; its key is made if there is none. */
  begin(): Promise<Pick<Peer, "pair" | "join">>;
  /** The list of paired devices has one more. */
  paired(device: PairedDevice): Promise<void>;
}

export interface PairingSteps {
  makeCode(): void;
  /** Letters, or a whole link. */
  enterCode(typed: string): void;
  acceptInvitation(): void;
  /** Gives up whatever is under way. */
  leave(): void;
}

export function pairingSteps({ store, clock, begin, paired }: PairingStepsOptions): PairingSteps {
  let current: { cancel(): void } | undefined;

  const show = (pairing: Pairing): void => store.set({ pairing, shown: { at: "pairing" } });

  const leave = (): void => {
    current?.cancel();
    current = undefined;
    store.set({ pairing: { at: "idle" } });
  };

  /** Runs until it is over or given up; `cancel` is told of the latter. */
  const run = (
    by: "making" | "entering",
    work: (peer: Pick<Peer, "pair" | "join">, own: { made?: MadeCode }) => Promise<PairedDevice>,
  ): void => {
    current?.cancel();
    const own: { made?: MadeCode } = {};
    const mine = { cancel: () => own.made?.cancel() };
    current = mine;
    show({ at: "running", by });
    const end = (pairing: Pairing): void => {
      if (current !== mine) return;
      current = undefined;
      show(pairing);
    };
    const steps = async (): Promise<void> => {
      const peer = await begin();
      if (current !== mine) return;
      const device = await work(peer, own);
      await paired(device);
      end({ at: "paired", key: device.key });
    };
    steps().catch((error: unknown) =>
      end({ at: "failed", problem: problemOf(error, own.made, clock.now()) }),
    );
  };

  return {
    makeCode: () =>
      run("making", async (peer, own) => {
        const running = current;
        const made = await peer.pair();
        own.made = made;
        // Given up while the hub was asked for it.
        if (current !== running) made.cancel();
        else show({ at: "offered", code: made.code, link: made.link, expiresAt: made.expiresAt });
        return made.done;
      }),
    enterCode: (typed) => run("entering", (peer) => peer.join(typed)),
    acceptInvitation() {
      const { pairing } = store.get();
      if (pairing.at !== "invited") return;
      const link = formatPairingLink(pairing.link);
      run("entering", (peer) => peer.join(link));
    },
    leave,
  };
}

function problemOf(error: unknown, made: MadeCode | undefined, nowMs: number): MusterError {
  const problem = publicError(error);
  if (problem.code !== "pairing_failed") return problem;
  // The library's hint is for a terminal.
  return made !== undefined && nowMs >= made.expiresAt
    ? new MusterError("pairing_failed", "the code's five minutes are over", { hint: "make a new one" })
    : new MusterError("pairing_failed", "that did not finish", {
        hint: "make a new code; each works for one try, and a wrong letter spends it",
      });
}
