// The ways to talk to a model that OpenAI's format has beside chat completions. They are part of `llm.chat` since its
// version 1.1.0, so that whatever an owner says of who may chat holds for all of them: `api` in the payload names one,
// and the rest is that endpoint's own body. A model server that does not have it says so, and the next is asked.

export const CHAT_APIS = ["completions", "responses"] as const;
export type ChatApi = (typeof CHAT_APIS)[number];
export const CHAT_APIS_SINCE = "1.1.0";
