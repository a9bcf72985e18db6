// What a device offers to others: a protocol in a version, and how far one must be trusted to use it.
//
//   compute   the answer depends on the request alone (llm.chat, embeddings)
//   read      it shows what the device holds (tasks, knowledgebase)
//   control   it can change the device or reach its network: only by a signed command in a sealed session
import { z } from "zod";
import {
  MODEL_MAX_CHARACTERS,
  MODEL_WORD,
  PROTOCOL_MAX_CHARACTERS,
  PROTOCOL_WORDS,
} from "./capability-words.ts";

export const CAPABILITY_CLASSES = ["compute", "read", "control"] as const;
export type CapabilityClass = (typeof CAPABILITY_CLASSES)[number];

export const CAPABILITIES_PER_DEVICE = 64;

export const capabilityProtocol = z.string().max(PROTOCOL_MAX_CHARACTERS).regex(PROTOCOL_WORDS);

/** Three whole numbers (semver.org, 2), without what may follow them. */
export const capabilityVersion = z
  .string()
  .max(32)
  .regex(/^(?:0|[1-9]\d{0,8})\.(?:0|[1-9]\d{0,8})\.(?:0|[1-9]\d{0,8})$/);

/** What a plugin calls a query of its own. */
export const queryName = z
  .string()
  .max(64)
  .regex(/^[A-Za-z][A-Za-z0-9._-]*$/);

export const capabilityAsked = z.object({ protocol: capabilityProtocol, version: capabilityVersion });
export type CapabilityAsked = z.infer<typeof capabilityAsked>;

export const modelName = z.string().min(1).max(MODEL_MAX_CHARACTERS).regex(MODEL_WORD);
export const MODELS_MAX = 64;

export const capabilityOffer = z.object({
  ...capabilityAsked.shape,
  /** Of what is done by models: which there are. */
  models: z.array(modelName).max(MODELS_MAX).optional(),
  /** A class that only a newer version knows is trusted the least. */
  class: z.enum(CAPABILITY_CLASSES).catch("control"),
});
export type CapabilityOffer = z.infer<typeof capabilityOffer>;

/** Whether what is offered does what is asked: the caret range of semver, `^asked`. */
export function serves(offered: CapabilityAsked, asked: CapabilityAsked): boolean {
  if (offered.protocol !== asked.protocol) return false;
  const [major, minor, patch] = partsOf(offered.version);
  const [wantedMajor, wantedMinor, wantedPatch] = partsOf(asked.version);
  if (major !== wantedMajor) return false;
  if (major > 0) return minor > wantedMinor || (minor === wantedMinor && patch >= wantedPatch);
  if (minor !== wantedMinor) return false;
  return minor > 0 ? patch >= wantedPatch : patch === wantedPatch;
}

function partsOf(version: string): readonly [number, number, number] {
  const [major, minor, patch] = version.split(".").map(Number);
  return [major ?? 0, minor ?? 0, patch ?? 0];
}
