// install.sh as this hub hands it out: the static script, and before it one line of data, the hub's own
// configured address. Nothing that a visitor says (the Host field, for one) is ever part of it.
import { MusterError } from "../../protocol/errors.ts";
import script from "./install.sh" with { type: "text" };

const SHEBANG = "#!/bin/sh\n";

/** Scheme, host and port, of characters that mean nothing to a shell, in single quotes all the same. */
const PLAIN_URL =
  /^https?:\/\/(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?$/;

export function installScript(hubUrl: string): string {
  if (!PLAIN_URL.test(hubUrl)) {
    throw new MusterError("unavailable", "this hub's own address cannot stand in a script", {
      hint: "give it a domain: `muster hub --domain`",
    });
  }
  return `${SHEBANG}MUSTER_HUB_URL='${hubUrl}'\n${script.slice(SHEBANG.length)}`;
}
