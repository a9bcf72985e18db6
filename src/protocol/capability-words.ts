// How protocols and models are written. Apart from the shapes, because the command line reads them before it loads
// anything.

export const PROTOCOL_MAX_CHARACTERS = 64;
/** `llm.chat`: words of lower case, joined by dots or dashes. */
export const PROTOCOL_WORDS = /^[a-z][a-z0-9]*(?:[.-][a-z0-9]+)*$/;

export const MODEL_MAX_CHARACTERS = 128;
/** As its server calls it: `qwen3:8b`. */
export const MODEL_WORD = /^[\x21-\x7e]+$/;

export function isProtocol(text: string): boolean {
  return text.length <= PROTOCOL_MAX_CHARACTERS && PROTOCOL_WORDS.test(text);
}

export function isModelName(text: string): boolean {
  return text.length <= MODEL_MAX_CHARACTERS && MODEL_WORD.test(text);
}
