// The path of a service that is asked whether it is well. Apart from the shapes, because the configuration is read
// before anything else is loaded.

const MAX_CHARACTERS = 200;

/** Printable ASCII, as a request line has it. */
export function isHealthPath(text: string): boolean {
  return text.length <= MAX_CHARACTERS && /^\/[\x21-\x7e]*$/.test(text);
}
