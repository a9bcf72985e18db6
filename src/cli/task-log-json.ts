// What a task wrote, for programs: one object in the end, or one for each piece as it comes. Both outputs are there, in
// the order in which they were written.

import { printJson, type Invocation } from "./invocation.ts";

type Channel = "stdout" | "stderr";

export interface JsonLog extends Readonly<Record<Channel, (bytes: Uint8Array) => Promise<void>>> {
  missed(bytes: number): void;
  end(): void;
}

export function jsonLog(invocation: Invocation, { follow }: { follow: boolean }): JsonLog {
  const pieces: { from: Channel; text: string }[] = [];
  let missedBytes = 0;
  const channel = (from: Channel) => {
    // Pieces are cut anywhere, within a character too.
    const decoder = new TextDecoder();
    return async (bytes: Uint8Array): Promise<void> => {
      const text = decoder.decode(bytes, { stream: true });
      if (text === "") return;
      if (follow) return printJson(invocation, { from, text });
      const last = pieces.at(-1);
      if (last?.from === from) last.text += text;
      else pieces.push({ from, text });
    };
  };
  return {
    stdout: channel("stdout"),
    stderr: channel("stderr"),
    missed: (bytes) => void (missedBytes += bytes),
    end: () => void (follow || printJson(invocation, { pieces, missed_bytes: missedBytes })),
  };
}
