// A visitor's request on its way to the device that holds the share: one stream of that device's trunk. Heads
// are written anew, bodies are not touched.
//
// While the device is away the request waits, bounded in time and number. What was sent is never sent twice;
// only a GET or HEAD whose stream died before a byte came back is given to the device once more, and whatever
// the device refused unseen, if nothing of its body has gone.
import type { AbortReason, Exchange, ExchangeEvents } from "../../http1/exchange.ts";
import { NOBODY } from "../../http1/exchange.ts";
import type { RequestHead } from "../../http1/request-head.ts";
import { restOfKept } from "../../http1/unsent.ts";
import { decodeFin } from "../../protocol/fin.ts";
import { OFFLINE_HOLD_MS } from "../../protocol/limits.ts";
import { encodeOpen, RAW_FLAG } from "../../protocol/open.ts";
import { RESET } from "../../trunk/frame.ts";
import type { TrunkStream, TrunkStreamEvents } from "../../trunk/stream.ts";
import type { Directory } from "../sessions/directory.ts";
import type { Session } from "../sessions/session.ts";
import type { ShareRecord } from "../shares/share-table.ts";
import type { AnswerHead } from "./answer-head.ts";
import { forwardedHead } from "./forwarded-head.ts";

export type ShareFailure =
  /** The device was not there, nor came back in time. */
  | "device_offline"
  /** It is there, but takes no more streams now. */
  | "device_busy"
  /** The stream broke before a byte of the answer. */
  | "device_lost";

/** A share, or what a device answers for itself. */
export type VisitTarget = Pick<ShareRecord, "deviceId" | "shareId">;

export interface ShareVisit {
  share: VisitTarget;
  exchange: Exchange;
  /** What the device gets in place of the request as it came. */
  request?: RequestHead;
  /** Writes the head of the answer anew; made for each try. */
  answerHead?(): AnswerHead;
  /** Proven address of the visitor. */
  visitor: string;
  https: boolean;
  /** Nobody on the visitor's side can listen in. */
  secure: boolean;
  requestId: string;
}

export interface ShareDoor {
  directory: Directory;
  /** Answers in the device's place. */
  fail(visit: ShareVisit, failure: ShareFailure): void;
  /** How it went: status, and whether bytes were counted by the device. */
  done(visit: ShareVisit, fin: { status: number; firstByteMs: number; length: number }): void;
}

export function visitShare(door: ShareDoor, visit: ShareVisit): ExchangeEvents {
  return passOrHold(door, visit, NOT_TRIED);
}

const NOT_TRIED = 0;
const TRIES_MAX = 2;

/** Over the device's session, or over the one it comes (back) with. */
function passOrHold(door: ShareDoor, visit: ShareVisit, tries: number): ExchangeEvents {
  const session = door.directory.device(visit.share.deviceId);
  if (session?.trunk.isOpen === true && !session.leaving)
    return new Passage(door, visit, tries).begin(session);
  visit.exchange.pauseBody();
  // At the bounds the answer comes at once, before there is anything to leave.
  let leave: () => void = () => {};
  const waiting: ExchangeEvents = { ...NOBODY, aborted: () => leave() };
  leave = door.directory.whenConnected(visit.share.deviceId, OFFLINE_HOLD_MS, (back) => {
    if (back === undefined) return door.fail(visit, "device_offline");
    visit.exchange.receive(new Passage(door, visit, tries).begin(back));
    visit.exchange.resumeBody();
  });
  return waiting;
}

/** The request and its answer, joined over one stream. */
class Passage implements ExchangeEvents, TrunkStreamEvents {
  readonly #door: ShareDoor;
  readonly #visit: ShareVisit;
  readonly #answerHead: AnswerHead | undefined;
  #tries: number;
  #stream: TrunkStream | undefined;
  /** Request bytes that the stream did not take yet. */
  #upstream: Uint8Array | undefined;
  /** Response bytes that the visitor did not take yet. */
  #downstream: Uint8Array | undefined;
  #bodySent = false;
  /** The device never looked at it. */
  #refused = false;
  #raw = false;
  #deviceEnded = false;
  #endAfterFlush = false;
  #fin: Uint8Array | undefined;
  #over = false;

  constructor(door: ShareDoor, visit: ShareVisit, tries: number) {
    this.#door = door;
    this.#visit = visit;
    this.#answerHead = visit.answerHead?.();
    this.#tries = tries;
  }

  begin(session: Session): ExchangeEvents {
    const { share, exchange, visitor, https, secure, requestId } = this.#visit;
    const { request = exchange.request } = this.#visit;
    this.#tries += 1;
    const open = encodeOpen({
      target: share.shareId,
      https,
      secure,
      visitorCloses: !exchange.keepAlive,
      visitor,
      host: request.host,
      link: "hub",
      requestId,
    });
    const stream = session.trunk.open(open, this);
    if (typeof stream === "string") {
      this.#over = true;
      this.#door.fail(
        this.#visit,
        stream === "too_many" || stream === "blocked" ? "device_busy" : "device_lost",
      );
      return NOBODY;
    }
    this.#stream = stream;
    this.#send(forwardedHead(request));
    return this;
  }

  // The visitor.

  body(bytes: Uint8Array): void {
    this.#bodySent = true;
    this.#send(bytes);
  }

  bodyEnd(): void {
    // The device follows the framing itself.
  }

  writable(): void {
    const rest = this.#downstream;
    if (rest === undefined) return;
    const taken = this.#visit.exchange.write(rest);
    if (taken < 0) return this.#leave();
    if (taken < rest.length) {
      this.#downstream = restOfKept(rest, taken);
      return;
    }
    this.#downstream = undefined;
    this.#stream?.resume();
    if (this.#fin !== undefined) this.#finish(this.#fin);
  }

  rawEnd(): void {
    if (this.#upstream === undefined) this.#stream?.shutdown();
    else this.#endAfterFlush = true;
  }

  aborted(_reason: AbortReason): void {
    this.#leave();
  }

  // The device.

  data(bytes: Uint8Array): void {
    const passed = this.#answerHead === undefined ? bytes : this.#answerHead.pass(bytes);
    if (passed === undefined) this.#noAnswer();
    else if (passed.length > 0) this.#give(passed);
  }

  drain(): void {
    const rest = this.#upstream;
    if (rest === undefined) return;
    const taken = this.#stream?.write(rest) ?? -1;
    if (taken >= 0 && taken < rest.length) {
      this.#upstream = restOfKept(rest, taken);
      return;
    }
    this.#upstream = undefined;
    this.#visit.exchange.resumeBody();
    if (this.#endAfterFlush) this.#stream?.shutdown();
  }

  flag(payload: Uint8Array): void {
    if (payload.length !== RAW_FLAG.length || payload[0] !== RAW_FLAG[0]) return;
    this.#raw = true;
    this.#visit.exchange.upgrade();
  }

  end(payload: Uint8Array): void {
    if (this.#downstream === undefined) this.#finish(payload);
    else this.#fin = payload.slice();
  }

  reset(code: number): void {
    this.#refused = code === RESET.refused;
  }

  close(error?: Error): void {
    if (this.#over) return;
    const { exchange } = this.#visit;
    this.#over = true;
    // Both directions of a raw stream have ended by plan: what the visitor has yet to read stays on its way.
    if (this.#deviceEnded && error === undefined) return;
    if (exchange.started) return exchange.abort();
    if (this.#mayTryAgain(exchange.request)) {
      exchange.receive(passOrHold(this.#door, this.#visit, this.#tries));
      return;
    }
    this.#door.fail(this.#visit, this.#refused ? "device_busy" : "device_lost");
  }

  /** Safe to repeat (RFC 9110, 9.2.2) or not begun, and nothing of a body has gone or waits here. */
  #mayTryAgain({ method, framing }: RequestHead): boolean {
    if (this.#tries >= TRIES_MAX || this.#bodySent) return false;
    if (this.#refused && this.#upstream === undefined) return true;
    return (method === "GET" || method === "HEAD") && framing.kind === "none";
  }

  #send(bytes: Uint8Array): void {
    const waiting = this.#upstream;
    if (waiting !== undefined) {
      // The head itself may still wait when a held body begins to flow.
      this.#upstream = Buffer.concat([waiting, bytes]);
      return this.#visit.exchange.pauseBody();
    }
    const taken = this.#stream?.write(bytes) ?? -1;
    if (taken < 0 || taken === bytes.length) return;
    this.#upstream = bytes.slice(taken);
    this.#visit.exchange.pauseBody();
  }

  #give(bytes: Uint8Array): void {
    const taken = this.#visit.exchange.write(bytes);
    if (taken < 0) return this.#leave();
    if (taken === bytes.length) return;
    this.#downstream = bytes.slice(taken);
    this.#stream?.pause();
  }

  /** The whole answer has gone to the visitor. */
  #finish(payload: Uint8Array): void {
    if (this.#over) return;
    const fin = decodeFin(payload);
    if (this.#raw) {
      this.#deviceEnded = true;
      return this.#visit.exchange.shutdown();
    }
    this.#over = true;
    this.#stream?.shutdown();
    if (fin === undefined) return this.#visit.exchange.abort();
    this.#visit.exchange.finish(fin.close ? "close" : "keep-alive");
    this.#door.done(this.#visit, fin);
  }

  /** What the device sent is no answer. */
  #noAnswer(): void {
    this.#leave();
    if (this.#visit.exchange.started) this.#visit.exchange.abort();
    else this.#door.fail(this.#visit, "device_lost");
  }

  #leave(): void {
    if (this.#over) return;
    this.#over = true;
    this.#stream?.close();
  }
}
