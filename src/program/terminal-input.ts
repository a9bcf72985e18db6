// Standard input: whole, or one secret line that a terminal does not echo.
import { createInterface } from "node:readline";
import type { Input } from "../cli/surroundings.ts";

const ENTER = new Set(["\r", "\n"]);
const BACKSPACE = new Set(["\u007F", "\b"]);
const CTRL_C = "\u0003";
const CTRL_D = "\u0004";
const SECRET_MAX = 4096;

/** `interrupt` is told of a Ctrl-C, which a raw terminal hands over as a character. */
export function terminalInput(interrupt: () => void): Input {
  return {
    get isTerminal() {
      return process.stdin.isTTY;
    },
    async readAll(maxBytes) {
      const pieces: Uint8Array[] = [];
      let length = 0;
      for await (const piece of Bun.stdin.stream()) {
        length += piece.length;
        if (length > maxBytes) throw new Error(`standard input has more than ${maxBytes} bytes`);
        pieces.push(piece);
      }
      return Buffer.concat(pieces)
        .toString("utf8")
        .replace(/\r?\n$/, "");
    },
    readLine: (prompt) => readLine(prompt, interrupt),
    readSecret: (prompt) => readSecret(prompt, interrupt),
    pieces,
    setRaw(raw) {
      if (process.stdin.isTTY) process.stdin.setRawMode(raw);
    },
  };
}

async function* pieces(): AsyncGenerator<Uint8Array> {
  try {
    for await (const piece of process.stdin) yield new Uint8Array(piece);
  } finally {
    // Else it keeps the program from ending.
    const input: { pause(): void; unref?(): void } = process.stdin;
    input.pause();
    // A file that stands for the terminal has none.
    input.unref?.();
  }
}

async function readLine(prompt: string, interrupt: () => void): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await new Promise((resolve, reject) => {
      // Without a listener Ctrl-C only closes, which would be an empty answer.
      lines.once("SIGINT", () => {
        interrupt();
        reject(new Error("interrupted"));
      });
      lines.once("close", () => resolve(""));
      lines.question(prompt, resolve);
    });
  } finally {
    lines.close();
  }
}

function readSecret(prompt: string, interrupt: () => void): Promise<string> {
  const { stdin, stderr } = process;
  stderr.write(prompt);
  stdin.setRawMode(true);
  stdin.resume();
  return new Promise((resolve, reject) => {
    let line = "";
    const end = () => {
      stdin.off("data", read);
      stdin.setRawMode(false);
      stdin.pause();
      stderr.write("\n");
    };
    const read = (bytes: Buffer) => {
      for (const character of bytes.toString("utf8")) {
        if (character === CTRL_C) {
          end();
          interrupt();
          return reject(new Error("interrupted"));
        }
        if (ENTER.has(character) || character === CTRL_D) {
          end();
          return resolve(line);
        }
        if (BACKSPACE.has(character)) line = line.slice(0, -1);
        else if (line.length < SECRET_MAX) line += character;
      }
    };
    stdin.on("data", read);
  });
}
