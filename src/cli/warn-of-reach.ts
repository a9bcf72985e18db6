// A token is for another machine, and none may get here.

import { warn, type Invocation } from "./invocation.ts";

export function warnOfReach(invocation: Invocation): void {
  const { err } = invocation;
  warn(invocation, "no other machine reaches this hub; the line works here alone");
  err.line("muster: hint: give it a domain: muster hub --domain example.com");
  err.line("muster: hint: or, in a network that you trust: muster hub --insecure");
}
