// `muster send`: a text or a file to a paired device. It is safe once this returns; the state says how far it
// has come by then.

import { resolve } from "node:path";
import { MusterError } from "../../protocol/errors.ts";
import type { LocalResponse } from "../../protocol/local-api.ts";
import { printJson, type Invocation } from "../invocation.ts";
import { withPeers } from "../peer-calls.ts";
import { plainLine } from "../plain-text.ts";
import { startProgress } from "../progress.ts";
import { cancelFile, followFile, listFiles, type FileFlags } from "./send-file.ts";

export interface SendFlags extends FileFlags {
  file?: string | undefined;
  list?: true | undefined;
  cancel?: string | undefined;
}

/** As much as a message holds. */
const TEXT_MAX_BYTES = 1024 * 1024;

export async function send(
  invocation: Invocation,
  given: { device: string | undefined; text: string | undefined },
  flags: SendFlags,
): Promise<void> {
  const { device, text } = given;
  if (flags.list === true || flags.cancel !== undefined) {
    if (device !== undefined || flags.file !== undefined) {
      throw new MusterError("usage", "--list and --cancel go without a device and a file");
    }
    return flags.cancel === undefined ? listFiles(invocation) : cancelFile(invocation, flags.cancel);
  }
  if (flags.wait === true && flags.detach === true) {
    throw new MusterError("usage", "--wait stays and --detach does not: give one of them");
  }
  if (device === undefined) {
    throw new MusterError("usage", "send to which device?", { hint: "see them: muster device peers" });
  }
  if ((text === undefined) === (flags.file === undefined)) {
    throw new MusterError("usage", "give a text, or a file with --file, and not both");
  }
  const { stdin, cwd } = invocation.surroundings;
  const content =
    flags.file === undefined
      ? { text: text === "-" ? await stdin.readAll(TEXT_MAX_BYTES) : (text ?? "") }
      : { file: resolve(cwd, flags.file) };
  const progress = startProgress(invocation, `sending to ${device}`);
  try {
    await withPeers(invocation, async (peers) => {
      const sent = await peers.call("send", { device, ...content });
      progress.end();
      if (sent.file !== undefined) return followFile(invocation, peers, sent.file, flags);
      if (invocation.json) return printJson(invocation, { id: sent.id, state: sent.state, to: sent.to });
      invocation.out.line(`${WORDS[sent.state]} ${plainLine(sent.to)}`);
    });
  } finally {
    progress.end();
  }
}

const WORDS: Record<LocalResponse<"send">["state"], string> = {
  queued: "Queued here until the hub can be reached, for",
  relayed: "At the hub until it is online, for",
  delivered: "Delivered to",
  dropped: "Not sent, the pairing is over with",
};
