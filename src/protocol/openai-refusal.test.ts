import { expect, test } from "bun:test";
import { ERROR_TABLE, MusterError, type ErrorCode } from "./errors.ts";
import { isOpenAiPath, noOpenAiCall, openAiRefusal } from "./openai-refusal.ts";

const told = async (error: unknown) => {
  const response = openAiRefusal(error);
  return { status: response.status, headers: response.headers, ...((await response.json()) as object) };
};

test.each([
  ["unauthorized", 401, "authentication_error"],
  ["forbidden", 403, "permission_error"],
  ["no_device", 404, "invalid_request_error"],
  ["invalid", 400, "invalid_request_error"],
  ["too_many", 429, "rate_limit_error"],
  ["unavailable", 503, "server_error"],
  ["capability_timeout", 504, "server_error"],
] as const)("%s has the status %i and the type %s", async (code, status, type) => {
  expect(await told(new MusterError(code, "so it is"))).toMatchObject({
    status,
    error: { message: "so it is", type, code, param: null },
  });
});

test("every code has a status of a refusal", () => {
  for (const code of Object.keys(ERROR_TABLE) as ErrorCode[]) {
    expect(openAiRefusal(new MusterError(code, "x")).status).toBeGreaterThanOrEqual(400);
  }
});

test("the hint is part of the message, and what is a fault of ours tells nothing", async () => {
  expect(await told(new MusterError("no_device", "none", { hint: "look" }))).toMatchObject({
    error: { message: "none (look)" },
  });
  expect(await told(new Error("secret"))).toMatchObject({
    status: 500,
    error: { message: "internal error" },
  });
});

test("what the model server called its refusal is what the client reads", async () => {
  const upstream = { type: "tokens", code: "context_length_exceeded", param: "messages" };
  expect(await told(new MusterError("invalid", "too long", { upstream }))).toMatchObject({
    status: 400,
    error: { message: "too long", ...upstream },
  });
});

test("who is to come back is told when, and who waited long enough not to", async () => {
  const retry_after_s = 17;
  const busy = await told(new MusterError("too_many", "x", { upstream: { retry_after_s } }));
  expect(busy.headers.get("retry-after")).toBe("17");
  expect((await told(new MusterError("too_many", "x"))).headers.get("retry-after")).toBe("1");
  const gone = await told(new MusterError("unavailable", "x"));
  expect([gone.headers.get("retry-after"), gone.headers.get("x-should-retry")]).toEqual([null, null]);
  const late = await told(new MusterError("capability_timeout", "x"));
  expect(late.headers.get("x-should-retry")).toBe("false");
});

test("what is not offered says what to use", () => {
  expect(noOpenAiCall("POST", "/v1/audio/speech").hint).toContain("/v1/embeddings");
  expect(noOpenAiCall("GET", `/v1/${"x".repeat(9000)}`).message.length).toBeLessThan(200);
  expect(["/v1", "/v1/", "/v1/x", "/v12", "/", "/api/v1/"].map(isOpenAiPath)).toEqual([
    true,
    true,
    true,
    false,
    false,
    false,
  ]);
});
