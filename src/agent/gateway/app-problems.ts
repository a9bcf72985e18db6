// What a visitor reads when an app does not answer as it should.

import { field } from "../../http1/field.ts";
import { FIRST_BYTE_TIMEOUT_MS } from "../../protocol/limits.ts";
import { problemReply, type ProblemToTell, type Reply } from "./reply.ts";
import { askerOf, type AppTarget, type ShareRequest } from "./share-target.ts";

export type AppProblem = "refused" | "timeout" | "broke_off" | "malformed" | "too_many";

const RETRY_AFTER = field("Retry-After", "1");

export function appProblem(problem: AppProblem, request: ShareRequest<AppTarget>): Reply {
  const told = { ...wordsFor(problem, request.share), hop: "app" } as const;
  return problemReply(told, askerOf(request), problem === "too_many" ? [RETRY_AFTER] : []);
}

function wordsFor(problem: AppProblem, { name, port, hasCommand }: AppTarget): Omit<ProblemToTell, "hop"> {
  switch (problem) {
    case "refused":
      return {
        code: "app_refused",
        title: "The app is not running",
        message: `Nothing on the device of "${name}" accepts connections on port ${port}.`,
        hint: hasCommand
          ? `Its owner can start it with 'muster start ${name}' and read 'muster logs ${name}'.`
          : `Its owner can start the program that serves port ${port}.`,
      };
    case "timeout":
      return {
        code: "app_timeout",
        title: "The app takes too long",
        message: `"${name}" took the request and sent nothing for ${FIRST_BYTE_TIMEOUT_MS / 1000} s.`,
        hint: "Try again in a moment.",
      };
    case "broke_off":
      return {
        code: "app_broken",
        title: "The app broke off",
        message: `"${name}" closed the connection before it had answered.`,
        hint: hasCommand
          ? `Its owner finds the reason in 'muster logs ${name}'.`
          : `Its owner finds the reason with the program that serves port ${port}.`,
      };
    case "malformed":
      return {
        code: "app_broken",
        title: "The app's answer cannot be read",
        message: `What "${name}" sent on port ${port} is no valid HTTP/1.1 response.`,
        hint: "Its owner can check that the port speaks HTTP and not TLS or another protocol.",
      };
    case "too_many":
      return {
        code: "unavailable",
        title: "Too busy",
        message: `"${name}" has as many requests in flight as it may have.`,
        hint: "Try again in a moment.",
      };
  }
}
