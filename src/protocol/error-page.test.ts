import { expect, test } from "bun:test";
import { prefersJson, problemJson, problemPage, type Problem } from "./error-page.ts";

const problem: Problem = {
  status: 502,
  code: "app_refused",
  title: "The app does not answer",
  message: `Nothing listens on <script>alert("1")</script>.`,
  hint: "Start it with 'muster start shop'.",
  hop: "app",
  requestId: "req<1>",
};

test("whatever it is told, the page holds no markup of others", () => {
  const page = problemPage(problem);
  expect(page).not.toContain("<script");
  expect(page).toContain("&lt;script&gt;");
  expect(page).toContain("req&lt;1&gt;");
});

test("the hop where it broke is marked, those before it are not", () => {
  const page = problemPage({ ...problem, hop: "device" });
  expect(page).toContain(
    `<li>you</li><li>hub</li><li class="broken">device: it broke here</li><li class="unasked">share</li>`,
  );
});

test("a refusal is told as an end, not as a fault", () => {
  expect(problemPage({ ...problem, status: 404 })).toContain("app: it ended here");
});

test("programs get code, message, hint, hop and request id", () => {
  expect(JSON.parse(problemJson(problem))).toEqual({
    error: {
      code: "app_refused",
      message: problem.message,
      hint: "Start it with 'muster start shop'.",
      hop: "app",
      request_id: "req<1>",
    },
  });
});

test.each([
  [undefined, false],
  ["*/*", false],
  ["application/json", true],
  ["application/problem+json", true],
  ["text/html,application/json;q=0.9", false],
])("Accept %j: JSON %j", (accept, json) => {
  expect(prefersJson(accept)).toBe(json);
});
