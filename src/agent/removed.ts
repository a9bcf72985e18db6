// The end of this device by its owner's will: an entry of its own copy of the owner log took its key out. Then,
// and never on a hub's word, the session ends, what was secret is wiped, and the person here is told.
import type { OwnerLog } from "../identity/owner-log.ts";
import type { Log } from "../protocol/log.ts";
import type { Notices } from "./notices.ts";

export interface RemovedOptions {
  publicKey: Uint8Array;
  hubUrl: string;
  notices: Notices;
  log: Log;
  /** Ends the session with the hub for good, and with it every share's address. */
  endSession(): void;
  /** Removes key and credentials from the disk. Repeatable. */
  wipe(notice: string): Promise<void>;
}

export class Removed {
  readonly #options: RemovedOptions;
  #wiping: Promise<void> | undefined;

  constructor(options: RemovedOptions) {
    this.#options = options;
  }

  get isSo(): boolean {
    return this.#wiping !== undefined;
  }

  /** To be told of every log that was checked. */
  look(log: OwnerLog | undefined): void {
    if (log?.wasRemoved(this.#options.publicKey) === true) this.#wiping ??= this.#wipe();
  }

  /** Once nothing of it is left on the disk; at once where it was not removed. */
  async wiped(): Promise<void> {
    await this.#wiping;
  }

  async #wipe(): Promise<void> {
    const { hubUrl, notices, log, endSession, wipe } = this.#options;
    const notice =
      `this device was removed from the fleet at ${hubUrl} by its owner; its key is wiped. ` +
      "Join again with a new token: muster init HUB_URL --token TOKEN";
    notices.set("removed", notice);
    log.warn("this device was removed by its owner log; its key and credentials are wiped", { hub: hubUrl });
    endSession();
    await wipe(notice).catch((error: unknown) => {
      log.error("the key of this removed device could not be wiped", { error });
      notices.set("removed", `${notice}. It could not be deleted from the disk: ${String(error)}`);
    });
  }
}
