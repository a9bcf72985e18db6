// What a chosen password must be. Length is the only rule that helps (NIST SP 800-63B, 3.1.1.2): demands for
// digits and signs make people write "Password1!".
import { PASSWORD_MAX_LENGTH, PASSWORD_MIN_LENGTH } from "./better-auth-options.ts";

/** Why a text is no password, in words; undefined when it is one. */
export function passwordProblem(password: string, name: string): string | undefined {
  if (password.length < PASSWORD_MIN_LENGTH) return `must have at least ${PASSWORD_MIN_LENGTH} characters`;
  if (password.length > PASSWORD_MAX_LENGTH) return `must have at most ${PASSWORD_MAX_LENGTH} characters`;
  if (new Set(password).size < 4) return "repeats too few characters";
  if (name !== "" && password.toLowerCase().replaceAll(name, "").length < 6) {
    return "must not be the account's name";
  }
  return undefined;
}
