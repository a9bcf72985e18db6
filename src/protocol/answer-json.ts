// What a device answered, as JSON text: it may be anything, and what can't be read is that device's fault.
import { MusterError } from "./errors.ts";

/** Throws `app_broken` with the device's name. */
export function answerJson(text: string, device: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new MusterError("app_broken", `${device === "" ? "the device" : device} answered what is no JSON`);
  }
}
