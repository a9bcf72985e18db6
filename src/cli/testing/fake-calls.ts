// What a fleet answers to capability requests and queries, as the agent passes it on.
import type { CapabilityReply } from "../../protocol/capability-messages.ts";
import type { LocalRequest } from "../../protocol/local-api.ts";
import type { QueryReply } from "../../protocol/query-messages.ts";
import { STARTED_AT } from "./fake-timers.ts";

const CALL_ID = "019ab000-0000-7000-8000-000000000001";

/** The pi answers, the liar what is no answer, the gpu is slow, the attic fails, the nas is away; nobody answers a query of a plugin. */
export function queryAnswer({ type }: LocalRequest<"query">): QueryReply[] {
  const query_id = CALL_ID;
  if (type === "Custom") {
    const message = 'no device that was asked answers the query "Notes"';
    const error = { code: "no_device", message, hint: "there are: disk.report (gpu, pi)" } as const;
    return [{ type: "aggregate_query_refused", query_id, error }];
  }
  if (type === "SearchKnowledgebase") return textAnswers();
  const data = JSON.stringify(
    type === "GetTaskStats"
      ? { stats: { pending: 0, running: 1, completed: 3, failed: 0, cancelled: 0 } }
      : {
          items: [
            {
              id: "01936f7a-5555-7000-8000-0000000000ee",
              status: "completed",
              exit_code: 0,
              title: "make test\u001b[31m",
              updated_at: before(60_000),
            },
          ],
        },
  );
  return [
    { type: "aggregate_query_expected", query_id, expected: [{ id: "id-pi", name: "pi" }] },
    { type: "aggregate_query_part", query_id, from_device: "pi", data, is_final: true },
    { type: "aggregate_query_part", query_id, from_device: "liar", data: "{no json", is_final: true },
    {
      type: "aggregate_query_done",
      query_id,
      answered: ["pi", "liar"],
      timed_out: ["gpu"],
      failed: { attic: "its disk is gone" },
      offline: { nas: before(7_200_000), new: null },
    },
  ];
}

/** Texts of two devices, one with what would like to command a terminal, one in wide characters. */
function textAnswers(): QueryReply[] {
  const query_id = CALL_ID;
  const part = (from_device: string, items: object[]): QueryReply => {
    const data = JSON.stringify({ items });
    return { type: "aggregate_query_part", query_id, from_device, data, is_final: true };
  };
  const names = ["gpu", "pi"];
  const expected = [...names, "slow"].map((name) => ({ id: `id-${name}`, name }));
  return [
    { type: "aggregate_query_expected", query_id, expected },
    part("pi", [
      {
        title: "The router",
        path: "notes/router.md",
        rank: 0.5,
        found_by: ["words", "meaning"],
        snippet:
          "It stands in the cellar, behind the shelf with the jars, and its lamp is green when all is well.\n\nIf the " +
          "lamp is red, pull the plug and wait for a minute; then it finds its way by itself again in most cases.",
      },
    ]),
    part("gpu", [
      {
        title: "地下室のルーターの設定",
        path: "notes/\u001b[2Jja.md",
        rank: 1,
        found_by: ["meaning"],
        snippet: "ルーターは棚の後ろにあります。",
      },
      { id: "x1", path: "todo.txt", rank: 0.1, snippet: "" },
    ]),
    {
      type: "aggregate_query_done",
      query_id,
      answered: names,
      timed_out: ["slow"],
      failed: {},
      offline: {},
    },
  ];
}

/** Embeddings and questions are served, whoever asks; nothing else is offered. */
export function capabilityAnswers(request: LocalRequest<"capability">): CapabilityReply[] {
  const { protocol, payload, only_device: only = "gpu" } = request;
  if (only !== "gpu") return [notThere(only, protocol)];
  return protocol === "llm.chat" && payload.includes("messages")
    ? chatAnswers(request)
    : [answerTo(protocol)];
}

/** What a model writes that would like to command a terminal; one that is asked to fail does so on the way. */
function chatAnswers({ payload, model = "qwen3:8b" }: LocalRequest<"capability">): CapabilityReply[] {
  const from = { request_id: CALL_ID, from_device: "gpu" };
  const chunk = (content: string, finish_reason: string | null = null): CapabilityReply => {
    const data = JSON.stringify({ model, choices: [{ delta: { content }, finish_reason }] });
    return { type: "capability_part", ...from, data };
  };
  if (payload.includes("fail")) {
    const error = { code: "unavailable" as const, message: "the model server stopped: out of memory" };
    return [chunk("It "), { type: "capability_response", ...from, error }];
  }
  return [
    chunk("Because \u001b[31mblue"),
    chunk("\u001b]0;title\u0007 light scatters."),
    chunk("", payload.includes("long") ? "length" : "stop"),
    { type: "capability_response", ...from, payload: "null" },
  ];
}

function notThere(device: string, protocol: string): CapabilityReply {
  const message = `${device} offers ${protocol}, but is offline since ${before(7_200_000)}`;
  const error = { code: "no_device" as const, message, hint: "here are: gpu" };
  return { type: "capability_response", request_id: CALL_ID, error };
}

function answerTo(protocol: string): CapabilityReply {
  const request_id = CALL_ID;
  return protocol === "embeddings"
    ? { type: "capability_response", request_id, from_device: "gpu", payload: '{"vector":[0.5,-1]}' }
    : {
        type: "capability_response",
        request_id,
        error: {
          code: "no_device",
          message: `no device offers ${protocol} 1.0.0`,
          hint: "there are: embeddings (gpu, pi)",
        },
      };
}

function before(ms: number): string {
  return new Date(STARTED_AT - ms).toISOString();
}
