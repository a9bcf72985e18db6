// The authority a Host field names. Only what can be a name or an address of a machine passes: no user,
// no percent escapes, no list, nothing that could reach a path or another field when it is written out.

export interface HostAndPort {
  /** Lower case, without a port; an IPv6 address keeps its brackets. */
  readonly name: string;
  readonly port: number | undefined;
}

/** Undefined when `value` is no valid Host. */
export function splitHost(value: string): HostAndPort | undefined {
  const nameEnd = endOf(value);
  if (nameEnd <= 0) return undefined;
  const name = value.substring(0, nameEnd).toLowerCase();
  if (nameEnd === value.length) return { name, port: undefined };
  const port = portAt(value, nameEnd);
  return port === undefined ? undefined : { name, port };
}

export function isHost(value: string): boolean {
  const nameEnd = endOf(value);
  return nameEnd > 0 && (nameEnd === value.length || portAt(value, nameEnd) !== undefined);
}

/** Where the name ends; 0 or less when it is none. */
function endOf(value: string): number {
  const end = value.charCodeAt(0) === BRACKET ? endOfBracketed(value) : endOfName(value);
  // 255 is the longest name DNS can carry.
  return end > 255 ? -1 : end;
}

const BRACKET = 0x5b;
const COLON = 0x3a;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;

function endOfName(value: string): number {
  let index = 0;
  while (index < value.length && isNameCharacter(value.charCodeAt(index))) index++;
  return index;
}

// The underscore is no host name to DNS, but container networks are full of it.
function isNameCharacter(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) ||
    (code >= DIGIT_0 && code <= DIGIT_9) ||
    code === 0x2d ||
    code === 0x2e ||
    code === 0x5f ||
    (code >= 0x41 && code <= 0x5a)
  );
}

function endOfBracketed(value: string): number {
  const close = value.indexOf("]");
  if (close < 3) return -1;
  for (let index = 1; index < close; index++) {
    const code = value.charCodeAt(index);
    const lower = code | 0x20;
    const hexadecimal = (code >= DIGIT_0 && code <= DIGIT_9) || (lower >= 0x61 && lower <= 0x66);
    if (!hexadecimal && code !== COLON && code !== 0x2e) return -1;
  }
  return close + 1;
}

function portAt(value: string, colonAt: number): number | undefined {
  const digits = value.length - colonAt - 1;
  if (value.charCodeAt(colonAt) !== COLON || digits < 1 || digits > 5) return undefined;
  for (let index = colonAt + 1; index < value.length; index++) {
    const code = value.charCodeAt(index);
    if (code < DIGIT_0 || code > DIGIT_9) return undefined;
  }
  const port = Number(value.substring(colonAt + 1));
  return port <= 65_535 ? port : undefined;
}
