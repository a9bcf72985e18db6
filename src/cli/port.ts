// The port of the hub where no flag gave one: `PORT`, as hosting platforms set it.

import { MusterError } from "../protocol/errors.ts";

export function portFromEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): number | undefined {
  const text = environment["PORT"] ?? "";
  if (text === "") return undefined;
  if (/^[0-9]{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new MusterError("usage", `PORT is "${text.slice(0, 40)}", which is no port`, {
    hint: "set PORT to a number from 0 to 65535, unset it, or say --port",
  });
}
