// `docker 1.0.0`: an engine answers on its socket, so that `muster run --on docker` finds this device. What runs it is a
// command like any other; nothing here speaks to the engine but to ask whether it is there.
import { utf8 } from "../../protocol/bytes.ts";
import type { Network, Timer, Timers } from "../../world/world.ts";
import type { Capability, CapabilitySource } from "./capability.ts";
import { listedCapability } from "./listed-capability.ts";

export interface DockerParts {
  network: Pick<Network, "connect">;
  timers: Pick<Timers, "after">;
  /** Where an engine may listen; the first that answers counts. */
  sockets: readonly string[];
  changed(): void;
}

const LOOK_EVERY_MS = 30_000;
const ANSWER_TIMEOUT_MS = 3000;
const PING = utf8("GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n");
const WELL = /^HTTP\/1\.[01] 200 /;

export class DockerSource implements CapabilitySource {
  readonly #parts: DockerParts;
  #isThere = false;
  #isClosed = false;
  #next: Timer | undefined;

  constructor(parts: DockerParts) {
    this.#parts = parts;
    void this.#look();
  }

  get capabilities(): readonly Capability[] {
    return this.#isThere ? [listedCapability("docker", "control")] : [];
  }

  close(): void {
    this.#isClosed = true;
    this.#next?.cancel();
  }

  async #look(): Promise<void> {
    const { sockets, timers, changed } = this.#parts;
    let isThere = false;
    for (const path of sockets) isThere ||= await this.#answers(path);
    if (this.#isClosed) return;
    if (isThere !== this.#isThere) {
      this.#isThere = isThere;
      changed();
    }
    this.#next = timers.after(LOOK_EVERY_MS, () => void this.#look());
  }

  async #answers(path: string): Promise<boolean> {
    const { network, timers } = this.#parts;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    let said = "";
    try {
      const socket = await network.connect({
        address: { path },
        timeoutMs: ANSWER_TIMEOUT_MS,
        connected: () => ({
          data(bytes) {
            said += new TextDecoder("latin1").decode(bytes.subarray(0, 64));
            // The status line is all that counts.
            if (said.length >= 13) resolve(WELL.test(said));
          },
          drain() {},
          end: () => resolve(false),
          close: () => resolve(false),
        }),
      });
      const late = timers.after(ANSWER_TIMEOUT_MS, () => resolve(false));
      socket.write(PING);
      const isWell = await promise;
      late.cancel();
      socket.close();
      return isWell;
    } catch {
      return false; // nothing listens there
    }
  }
}
