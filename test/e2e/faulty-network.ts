// The network between an agent and its hub, as it is on bad days: it carries bytes both ways until it is told
// to cut what is open, to swallow everything without a word, or to refuse.
import { connect, createServer, type Server, type Socket } from "node:net";

type Mood = "carries" | "swallows" | "refuses";

export class FaultyNetwork implements AsyncDisposable {
  readonly port: number;
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  #mood: Mood = "carries";
  #delayMs = 0;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  static async to(target: number): Promise<FaultyNetwork> {
    const server = createServer({ allowHalfOpen: true });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const network = new FaultyNetwork(server, address.port);
    server.on("connection", (near) => network.#join(near, target));
    return network;
  }

  get connections(): number {
    return this.#open.size / 2;
  }

  /** What is open breaks; new connections go through. */
  cut(): void {
    for (const socket of this.#open) socket.destroy();
  }

  /** Half-open: both ends believe in the connection, and nothing comes through. */
  swallow(): void {
    this.#mood = "swallows";
  }

  /** What is open breaks, and nobody gets through. */
  refuse(): void {
    this.#mood = "refuses";
    this.cut();
  }

  heal(): void {
    this.#mood = "carries";
  }

  /** On each piece from now on, in each direction. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #join(near: Socket, target: number): void {
    if (this.#mood === "refuses") return void near.destroy();
    const far = connect({ port: target, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    near.setNoDelay(true);
    this.#carry(near, far);
    this.#carry(far, near);
  }

  #carry(from: Socket, to: Socket): void {
    this.#open.add(from);
    from.on("error", () => {}); // it closes after that
    const pass = (step: () => void) => {
      if (this.#delayMs > 0) setTimeout(step, this.#delayMs);
      else step();
    };
    from.on("data", (bytes: Buffer) => {
      if (this.#mood !== "swallows") pass(() => void to.write(bytes));
    });
    from.on("end", () => {
      if (this.#mood !== "swallows") pass(() => void to.end());
    });
    from.on("close", () => {
      this.#open.delete(from);
      if (this.#mood !== "swallows") to.destroy();
    });
  }
}
