// `muster ask`: a question to a model of whichever device has one, its answer as it is written. What a model writes is
// text from elsewhere: nothing of it commands the terminal.

import { MusterError } from "../../protocol/errors.ts";
import { RELAY_MESSAGE_MAX_BYTES } from "../../protocol/limits.ts";
import { modelWish } from "../../protocol/model-wish.ts";
import { useCapability } from "../capability-calls.ts";
import { printJson, warn, type Invocation } from "../invocation.ts";
import { lookAround } from "../overview.ts";
import { plainLine, stripControl } from "../plain-text.ts";
import { startProgress } from "../progress.ts";

export interface AskFlags {
  /** This one or nobody. */
  device?: string | undefined;
  prefer?: string | undefined;
  model?: string | undefined;
  system?: string | undefined;
}

/** What one chunk, or one whole completion, says (platform.openai.com/docs/api-reference/chat). */
interface Said {
  text: string;
  model: string | undefined;
  /** Why there is no more. */
  finish: string | undefined;
}

/** The ends that are none of the answer's own. */
const CUT_SHORT: ReadonlyMap<string, string> = new Map([
  ["length", "the model has reached its limit: the answer may not be whole"],
  ["content_filter", "a filter of the model has ended the answer"],
]);
/** Room for what stands around the question. */
const QUESTION_MAX_BYTES = RELAY_MESSAGE_MAX_BYTES / 4;
const DEVICE_ID = /^[a-z2-7]{7}(?:-[a-z2-7]{7}){3}$/;

export async function ask(invocation: Invocation, words: readonly string[], flags: AskFlags): Promise<void> {
  const { only, prefer, model, system } = await wished(invocation, flags);
  const content = await questionOf(invocation, words);
  const progress = startProgress(invocation, "Asking");
  const { json, out } = invocation;
  let answer = "";
  let answeredBy: string | undefined;
  let finishedBy: string | undefined;
  const hear = ({ text, model: named, finish }: Said): void => {
    answeredBy ??= named;
    finishedBy = finish ?? finishedBy;
    if (text === "") return;
    progress.end();
    answer += text;
    if (!json) out.write(stripControl(text));
  };
  try {
    const { device, payload } = await useCapability(
      invocation,
      {
        protocol: "llm.chat",
        version: "1.0.0",
        payload: JSON.stringify({
          ...(model === undefined ? {} : { model }),
          messages: [
            ...(system === undefined ? [] : [{ role: "system", content: system }]),
            { role: "user", content },
          ],
          stream: true,
        }),
        ...(model === undefined ? {} : { model }),
        ...(only === undefined ? {} : { only_device: only }),
        ...(prefer === undefined ? {} : { prefer_device: prefer }),
      },
      (data) => hear(saidIn(data, "delta")),
    );
    // A plugin that does not stream answers in one piece.
    if (answer === "") hear(saidIn(payload, "message"));
    progress.end();
    const finish = { finish_reason: finishedBy ?? null };
    if (json)
      return printJson(invocation, { answer, model: answeredBy ?? null, from_device: device, ...finish });
    if (!answer.endsWith("\n")) out.write("\n");
    tellWho(invocation, { device, prefer, model: answeredBy });
    const cut = finishedBy === undefined ? undefined : CUT_SHORT.get(finishedBy);
    if (cut !== undefined) warn(invocation, cut);
  } catch (thrown) {
    // What came until then stays, on lines of its own.
    if (!json && answer !== "" && !answer.endsWith("\n")) out.write("\n");
    const isBroken = thrown instanceof MusterError && thrown.code === "unavailable";
    if (answer === "" || !isBroken || thrown.hint !== undefined) throw thrown;
    throw new MusterError(thrown.code, thrown.message, {
      cause: thrown,
      hint: "what came is not the whole answer; the same question again asks whichever device is there",
    });
  } finally {
    progress.end();
  }
}

/** A model is named as clients of `/v1` name it: `auto`, and `qwen3:8b@gpu` for the one of a device. */
async function wished(invocation: Invocation, { device, prefer, model: named, system }: AskFlags) {
  const wish = await modelWish({ model: named, header: null }, async (name) => {
    const { devices = [] } = await lookAround(invocation);
    return devices.some((one) => one.name === name || one.id === name);
  });
  const only = device ?? wish.onlyDevice;
  if (only !== undefined && prefer !== undefined) throw oneOfThem();
  if (wish.onlyDevice !== undefined && wish.onlyDevice !== only) {
    throw new MusterError(
      "usage",
      `the model names the device ${plainLine(wish.onlyDevice)}, and --device another`,
    );
  }
  return { only, prefer, model: wish.model, system };
}

async function questionOf({ surroundings }: Invocation, words: readonly string[]): Promise<string> {
  const { stdin } = surroundings;
  const isAsked = words.includes("-") || !stdin.isTerminal;
  const given = isAsked ? (await stdin.readAll(QUESTION_MAX_BYTES)).trim() : "";
  const said = words
    .filter((word) => word !== "-")
    .join(" ")
    .trim();
  const question = [said, given].filter((part) => part !== "").join("\n\n");
  if (question !== "") return question;
  throw new MusterError("usage", "there is nothing to ask", { hint: 'muster ask "why is the sky blue?"' });
}

function tellWho(
  invocation: Invocation,
  { device, prefer, model }: { device: string; prefer: string | undefined; model: string | undefined },
): void {
  const { err, surroundings } = invocation;
  const by = model === undefined ? plainLine(device) : `${plainLine(device)}, ${plainLine(model)}`;
  if (surroundings.stdout.isTerminal) err.line(err.style("dim", `— ${by}`));
  const isOther = prefer !== undefined && prefer !== device && !DEVICE_ID.test(prefer);
  if (isOther) warn(invocation, `${plainLine(prefer)} did not take it; ${by} did`);
}

function oneOfThem(): MusterError {
  return new MusterError("usage", "--device names the one that is asked, and --prefer leaves it open", {
    hint: "use one of them",
  });
}

function saidIn(value: unknown, where: "delta" | "message"): Said {
  const completion = isObject(value) ? value : {};
  const choices: unknown = completion["choices"];
  const first: unknown = Array.isArray(choices) ? choices[0] : undefined;
  const inner = isObject(first) ? first[where] : undefined;
  const text = isObject(inner) ? inner["content"] : undefined;
  const model = completion["model"];
  const finish = isObject(first) ? first["finish_reason"] : undefined;
  return {
    text: typeof text === "string" ? text : "",
    model: typeof model === "string" && model !== "" ? model : undefined,
    finish: typeof finish === "string" ? finish : undefined,
  };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
