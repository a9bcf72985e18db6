import { expect, test } from "bun:test";
import { PLAIN_PAGE_CSP } from "../../protocol/plain-page.ts";
import { failureAnswer } from "./failure-answer.ts";

test("a page that tells of a failure may use everything that stands in it", () => {
  const { fields, body } = failureAnswer({ failure: "unknown_share", requestId: "r1", fields: [] });
  expect(String(body)).toContain('<link rel="icon" href="data:,">');
  expect(fields?.find(({ lower }) => lower === "content-security-policy")?.value).toBe(PLAIN_PAGE_CSP);
});
