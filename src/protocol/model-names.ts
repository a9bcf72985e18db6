// What a model is called by whoever asks for it, and by the server that has it.

/** Ollama lists what has no tag with `:latest`, and takes both names (github.com/ollama/ollama, types/model/name.go). */
const DEFAULT_TAG = ":latest";

export function isModel(offered: string, asked: string): boolean {
  return offered === asked || offered === `${asked}${DEFAULT_TAG}`;
}
