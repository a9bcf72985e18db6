import { expect, test } from "bun:test";
import { asPassage, asQuery } from "./embedder.ts";

test.each([
  ["nomic-embed-text:latest", "search_document: t", "search_query: t"],
  ["text-embedding-nomic-embed-text-v1.5", "search_document: t", "search_query: t"],
  ["embeddinggemma:300m", "title: none | text: t", "task: search result | query: t"],
  ["intfloat/multilingual-e5-large", "passage: t", "query: t"],
  ["e5-mistral-7b-instruct", "t", "t"],
  ["snowflake-arctic-embed2", "t", "query: t"],
  ["snowflake/snowflake-arctic-embed-l-v2.0", "t", "query: t"],
  ["mxbai-embed-large", "t", "Represent this sentence for searching relevant passages: t"],
  ["snowflake-arctic-embed:22m", "t", "Represent this sentence for searching relevant passages: t"],
  ["BAAI/bge-base-en-v1.5", "t", "Represent this sentence for searching relevant passages: t"],
  ["bge-m3", "t", "t"],
  ["text-embedding-3-small", "t", "t"],
  ["all-minilm", "t", "t"],
])("%s gets its texts as it wants them", (model, passage, query) => {
  expect(asPassage(model, "t")).toBe(passage);
  expect(asQuery(model, "t")).toBe(query);
});
