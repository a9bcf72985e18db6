// What somebody reads whose request to a service ends on its device.
import { problemReply, type Asker, type ProblemToTell, type Reply } from "../gateway/reply.ts";
import type { AppProblem } from "../gateway/app-problems.ts";
import { field } from "../../http1/field.ts";
import { SERVICE_STRANGER } from "../../protocol/service-words.ts";
import type { OfferedService } from "./offered-service.ts";

type Words = Omit<ProblemToTell, "hop" | "service">;

function atDevice(words: Words, asker: Asker): Reply {
  return problemReply({ ...words, hop: "device", service: true }, asker);
}

/** In the hub's words for a stranger, who learns the same from both. */
export function strangerReply(asker: Asker): Reply {
  return atDevice(SERVICE_STRANGER, asker);
}

export function noBrowsersReply(asker: Asker): Reply {
  return atDevice(
    {
      code: "forbidden",
      title: "Not from a browser",
      message: 'This device takes nothing from the keys of browsers: it says [policy] browser = "off".',
      hint: "From a machine of its owner: muster forward.",
    },
    asker,
  );
}

export function noProxyReply(asker: Asker): Reply {
  return atDevice(
    {
      code: "forbidden",
      title: "Not through the hub",
      message:
        "The owner of this device has disabled proxy.http: it opens no services to requests of the hub.",
      hint: "From a machine of its owner: muster forward.",
    },
    asker,
  );
}

export function unknownServiceReply(names: readonly string[], asker: Asker): Reply {
  return atDevice(
    {
      code: "not_found",
      title: "No such service",
      message: "This device has no service of that name.",
      hint: names.length === 0 ? "It has none at all." : `It has ${names.join(", ")}.`,
    },
    asker,
  );
}

export function notHttpReply({ name, port }: OfferedService, device: string, asker: Asker): Reply {
  return problemReply(
    {
      code: "bad_request",
      title: "Not a service for HTTP",
      message: `"${name}" speaks another protocol on port ${port}.`,
      hint: `Bring it to your machine: muster forward ${device}/${name}`,
      hop: "service",
      service: true,
    },
    asker,
  );
}

export function foreignPageReply(asker: Asker): Reply {
  return atDevice(
    {
      code: "forbidden",
      title: "Not from another site",
      message: "A page of another site asked for something of this service.",
    },
    asker,
  );
}

export function ticketRefusedReply(asker: Asker): Reply {
  return atDevice(
    {
      code: "forbidden",
      title: "This ticket does not open the service",
      message: "It was used before, is older than a minute, or was made for another browser.",
      hint: "Open the service again from the start.",
    },
    asker,
  );
}

export function brokenReply(asker: Asker): Reply {
  return atDevice(
    { code: "internal", title: "Something broke", message: "The device could not answer." },
    asker,
  );
}

const RETRY_AFTER = field("Retry-After", "1");

export function serviceProblem(problem: AppProblem, service: OfferedService, asker: Asker): Reply {
  const told = { ...wordsFor(problem, service), hop: "service", service: true } as const;
  return problemReply(told, asker, problem === "too_many" ? [RETRY_AFTER] : []);
}

function wordsFor(problem: AppProblem, { name, port, timeoutMs }: OfferedService): Words {
  switch (problem) {
    case "refused":
      return {
        code: "app_refused",
        title: "The service is not running",
        message: `Nothing on its device accepts connections on port ${port}, where "${name}" should be.`,
        hint: "Start the program there that serves this port.",
      };
    case "timeout":
      return {
        code: "app_timeout",
        title: "The service takes too long",
        message: `"${name}" took the request and sent nothing for ${timeoutMs / 1000} s.`,
        hint: `Try again, or give it longer on its device: [services.${name}] timeout.`,
      };
    case "broke_off":
      return {
        code: "app_broken",
        title: "The service broke off",
        message: `"${name}" closed the connection before it had answered.`,
        hint: `The reason is with the program that serves port ${port} of its device.`,
      };
    case "malformed":
      return {
        code: "app_broken",
        title: "The service's answer cannot be read",
        message: `What "${name}" sent on port ${port} is no valid HTTP/1.1 response.`,
        hint: "If it speaks no HTTP, or HTTP inside TLS, name it as tcp and bring it to your machine by muster forward.",
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
