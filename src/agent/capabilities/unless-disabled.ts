// A kind of command that this device's owner may have disabled by the name of its capability: then it is refused,
// however it is asked for, and not only left out of the list.
import { MusterError } from "../../protocol/errors.ts";
import type { CommandKind } from "../exec/command-kind.ts";

export function unlessDisabled<Request>(
  protocol: string,
  disabled: readonly string[],
  kind: CommandKind<Request>,
): CommandKind<Request> {
  if (!disabled.includes(protocol)) return kind;
  return {
    record: "none",
    start: () =>
      Promise.reject(
        new MusterError("forbidden", `this device has ${protocol} disabled`, {
          hint: "it says so in its muster.toml, or was started with --disable-capability",
        }),
      ),
  };
}
