// What a program writes to its terminal, cut into text and controls (ECMA-48, as xterm reads it). Sequences may be cut
// anywhere between pieces.

export interface ControlHandler {
  /** Letters, without controls. */
  text(text: string): void;
  /** A control of one character: BS, CR, LF and so on. */
  control(code: number): void;
  /** ESC, perhaps an intermediate as in "(", and a final. */
  escape(intermediate: string, final: string): void;
  /** `CSI prefix parameters intermediate final`; an absent parameter is -1. */
  sequence(sequence: ControlSequence): void;
}

export interface ControlSequence {
  /** "?", ">", "=", "<" or "". */
  prefix: string;
  parameters: number[];
  intermediate: string;
  final: string;
}

const ESC = 0x1b;
const SEQUENCE_MAX = 256;
const PARAMETERS_MAX = 32;
const PARAMETER_MAX = 65_535;

type State = "text" | "escape" | "sequence" | "string" | "string-escape";

export class ControlParser {
  readonly #handler: ControlHandler;
  readonly #decoder = new TextDecoder();
  #state: State = "text";
  /** Of the sequence that has begun. */
  #held = "";

  constructor(handler: ControlHandler) {
    this.#handler = handler;
  }

  write(bytes: Uint8Array): void {
    const text = this.#decoder.decode(bytes, { stream: true });
    let from = 0;
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (this.#state === "text") {
        if (!isControl(code)) continue;
        if (at > from) this.#handler.text(text.slice(from, at));
        from = at + 1;
        if (code === ESC) this.#begin("escape");
        else this.#handler.control(code);
        continue;
      }
      from = at + 1;
      this.#step(code, text.charAt(at));
    }
    if (this.#state === "text" && from < text.length) this.#handler.text(text.slice(from));
  }

  #begin(state: State): void {
    this.#state = state;
    this.#held = "";
  }

  #step(code: number, character: string): void {
    switch (this.#state) {
      case "string":
        // Titles, clipboards, pictures: nothing that is shown here, or that a program is to set in a page.
        if (code === ESC) this.#state = "string-escape";
        else if (code === 0x07 || code === 0x18 || code === 0x1a) this.#begin("text");
        return;
      case "string-escape":
        if (character === "\\") return this.#begin("text");
        this.#begin("escape");
        return this.#step(code, character);
      case "escape":
      case "sequence":
        if (code === ESC) return this.#begin("escape");
        if (code === 0x18 || code === 0x1a) return this.#begin("text");
        // Controls act in the middle of a sequence.
        if (isControl(code)) return code === 0x7f ? undefined : this.#handler.control(code);
        return this.#state === "escape" ? this.#escape(code, character) : this.#sequence(code, character);
      case "text":
        return;
    }
  }

  #escape(code: number, character: string): void {
    if (this.#held === "" && character === "[") return this.#begin("sequence");
    if (this.#held === "" && "]PX^_".includes(character)) return this.#begin("string");
    if (code >= 0x20 && code <= 0x2f && this.#held.length < 4) {
      this.#held += character;
      return;
    }
    const intermediate = this.#held;
    this.#begin("text");
    this.#handler.escape(intermediate, character);
  }

  #sequence(code: number, character: string): void {
    if (code < 0x40 || code > 0x7e) {
      // Of one that is longer than any real one nothing is believed, and nothing shown.
      if (this.#held.length <= SEQUENCE_MAX) this.#held += character;
      return;
    }
    const isTooLong = this.#held.length > SEQUENCE_MAX;
    const read = /^([<=>?]?)([\d;:]*)([ -/]*)$/.exec(this.#held);
    this.#begin("text");
    if (read === null || isTooLong) return;
    const [, prefix = "", numbers = "", intermediate = ""] = read;
    this.#handler.sequence({ prefix, parameters: parametersOf(numbers), intermediate, final: character });
  }
}

function parametersOf(text: string): number[] {
  if (text === "") return [];
  return text
    .split(/[;:]/)
    .slice(0, PARAMETERS_MAX)
    .map((number) => (number === "" ? -1 : Math.min(PARAMETER_MAX, Number(number))));
}

function isControl(code: number): boolean {
  return code < 0x20 || code === 0x7f;
}
