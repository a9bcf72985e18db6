// A device's side of a trunk as bytes, for what no honest device would send.
import { FRAME } from "../../src/trunk/frame.ts";
import { cutMessage } from "../../src/trunk/messages.ts";
import type { Json } from "./harness.ts";
import { Wire } from "./wire.ts";

const HEADER_BYTES = 8;

export class TrunkWire implements AsyncDisposable {
  readonly wire: Wire;

  private constructor(wire: Wire) {
    this.wire = wire;
  }

  static async open(port: number): Promise<TrunkWire> {
    const wire = await Wire.connect(port);
    await wire.write(
      `GET /trunk HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: Upgrade\r\nUpgrade: muster-trunk/1\r\n\r\n`,
    );
    const { status } = await wire.answer();
    if (status !== 101) throw new Error(`no trunk: ${status}`);
    return new TrunkWire(wire);
  }

  async frame(type: number, stream: number, payload: Uint8Array): Promise<void> {
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt32BE(stream, 0);
    header.writeUInt8(type, 4);
    header.writeUIntBE(payload.length, 5, 3);
    await this.wire.write(Buffer.concat([header, payload]));
  }

  async message(message: object | string): Promise<void> {
    const bytes = Buffer.from(typeof message === "string" ? message : JSON.stringify(message));
    const sent: Promise<void>[] = [];
    cutMessage(bytes, (more, piece) =>
      sent.push(this.frame(FRAME.message, more ? 1 : 0, Buffer.from(piece))),
    );
    await Promise.all(sent);
  }

  /** The next message of the hub. Undefined once it has closed the trunk. */
  async next(): Promise<Json> {
    for (;;) {
      const header = await this.wire.exactly(HEADER_BYTES).catch(() => undefined);
      if (header === undefined) return undefined;
      const type = header.readUInt8(4);
      const payload = await this.wire.exactly(header.readUIntBE(5, 3));
      if (type === FRAME.message) return JSON.parse(payload.toString("utf8"));
    }
  }

  /** The code with which the hub refused, once it has closed. */
  async refusal(): Promise<string | undefined> {
    let code: string | undefined;
    for (let message = await this.next(); message !== undefined; message = await this.next()) {
      if (message.type === "error") code = message.code as string;
    }
    return code;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.wire[Symbol.asyncDispose]();
  }
}
