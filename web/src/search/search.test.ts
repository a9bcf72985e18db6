import { expect, test } from "bun:test";
import type { QueryReply } from "../../../src/protocol/query-messages.ts";
import { searchFleet, type Found } from "./search.ts";

const query_id = "019ab000-0000-7000-8000-000000000001";
const part = (from_device: string, data: unknown): QueryReply => ({
  type: "aggregate_query_part",
  query_id,
  from_device,
  data: typeof data === "string" ? data : JSON.stringify(data),
  is_final: true,
});

async function shown(...replies: (QueryReply | Error)[]): Promise<Found[]> {
  const all: Found[] = [];
  // Each of them is taken before the next one is made.
  async function* ask(): AsyncGenerator<QueryReply> {
    for (const reply of replies) {
      if (reply instanceof Error) throw reply;
      yield reply;
    }
  }
  const left = new AbortController().signal;
  await searchFleet(
    ask,
    { type: "SearchKnowledgebase", words: "backup" },
    { left, show: (one) => all.push(one) },
  );
  return all;
}

test("what devices find is shown as they answer, the best first, and who is missing at the end", async () => {
  const all = await shown(
    {
      type: "aggregate_query_expected",
      query_id,
      expected: [
        { id: "1", name: "pi" },
        { id: "2", name: "nas" },
      ],
    },
    part("pi", { items: [{ id: "a", title: "Low", rank: 0.2 }] }),
    part("nas", { items: [{ id: "b", title: "High", rank: 0.9 }, 7] }),
    part("odd", "no JSON"),
    {
      type: "aggregate_query_done",
      query_id,
      answered: ["pi", "nas"],
      timed_out: ["slow"],
      failed: { full: "it is too busy" },
      offline: { away: null },
    },
  );
  expect(all.map(({ items }) => items.map(({ title }) => title))).toEqual([
    [],
    [],
    ["Low"],
    ["High", "Low", undefined],
    ["High", "Low", undefined],
    ["High", "Low", undefined],
  ]);
  expect(all.at(-1)).toMatchObject({
    at: "done",
    expected: 2,
    missing: [
      "odd answered what can’t be read",
      "slow did not answer in time",
      "full: it is too busy",
      "away is offline",
    ],
  });
});

test("what a device could not do is told beside what it found", async () => {
  const note = "searched by words alone: the model server takes too long";
  const all = await shown(
    part("pi", { items: [{ title: "One" }], searched_by: ["words"], note }),
    part("nas", []),
  );
  expect(all.at(-1)).toMatchObject({ items: [{ title: "One" }], notes: [`pi: ${note}`] });
});

test("a refusal keeps what was found before it", async () => {
  const error = { code: "forbidden", message: "not now" } as const;
  const all = await shown(part("pi", { items: [{ title: "One" }] }), {
    type: "aggregate_query_refused",
    query_id,
    error,
  });
  expect(all.at(-1)).toMatchObject({ at: "failed", items: [{ title: "One", device: "pi" }] });
  expect(all.at(-1)?.problem?.code).toBe("forbidden");
});
