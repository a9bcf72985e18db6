// What a page may order of a device, from the words of an order to the deed. Who may order is decided before, by
// whoever calls this.
import { COMMANDS, type CommandKind } from "../client/command.ts";
import { MusterError } from "../protocol/errors.ts";
import { LOCAL_API, type LocalRequest, type LocalResponse } from "../protocol/local-api.ts";

/** What each order does; the same functions that the local API calls. */
export type CommandActions = {
  [Kind in CommandKind]: (
    request: LocalRequest<(typeof COMMANDS)[Kind]>,
  ) => Promise<LocalResponse<(typeof COMMANDS)[Kind]>>;
};

/** Throws `unknown_message`. */
export function commandKind(text: string): CommandKind {
  if (Object.hasOwn(COMMANDS, text)) return text as CommandKind; // its keys are the kinds
  throw new MusterError("unknown_message", `this device knows no command "${text.slice(0, 40)}"`);
}

/** `request` is JSON text. Throws `bad_request`, and what the deed itself throws. */
export async function obey(actions: CommandActions, kind: CommandKind, request: string): Promise<object> {
  switch (kind) {
    case "share.add":
      return actions[kind](LOCAL_API.add.request.parse(requestOf(kind, request)));
    case "share.remove":
      return actions[kind](LOCAL_API.remove.request.parse(requestOf(kind, request)));
    case "app.start":
      return actions[kind](LOCAL_API.start_app.request.parse(requestOf(kind, request)));
    case "app.stop":
      return actions[kind](LOCAL_API.stop_app.request.parse(requestOf(kind, request)));
  }
}

/** Parsed and known to fit. */
function requestOf(kind: CommandKind, text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    if (LOCAL_API[COMMANDS[kind]].request.safeParse(value).success) return value;
  } catch {
    // Refused below, like any other text that does not fit.
  }
  throw new MusterError("bad_request", `the request of "${kind}" does not fit its shape`);
}
