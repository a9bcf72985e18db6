// IP addresses and ranges of them (CIDR), as bytes: one address has many spellings, and a range has none that
// can be compared as text. IPv4 is compared in its IPv6 form, as a socket of both families shows it. Pure.

export interface IpRange {
  /** 16 bytes; those behind `bits` are zero. */
  readonly bytes: Uint8Array;
  /** How many bits of it count, 0 to 128. */
  readonly bits: number;
}

const BYTES = 16;
const V4_PREFIX_BITS = 96;

/** 16 bytes; undefined for what is no address. A zone (`%eth0`) is none. */
export function parseIp(text: string): Uint8Array | undefined {
  if (text.length > 45) return undefined;
  if (!text.includes(":")) return v4(text, new Uint8Array(BYTES).fill(0xff, 10, 12));
  const [head = "", tail, ...more] = text.split("::");
  // An IPv4 address may stand at the end alone.
  if (more.length > 0 || (tail !== undefined && head.includes("."))) return undefined;
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  if (before === undefined || after === undefined) return undefined;
  const missing = BYTES - before.length - after.length;
  // `::` stands for at least one group of zeros.
  if (tail === undefined ? missing !== 0 : missing < 2) return undefined;
  return Uint8Array.from([...before, ...Array<number>(missing).fill(0), ...after]);
}

/** An address, or an address and a prefix length, `10.0.0.0/8`. Undefined also where bits behind the prefix are set. */
export function parseIpRange(text: string): IpRange | undefined {
  const [address = "", prefix, ...more] = text.split("/");
  const bytes = parseIp(address);
  if (bytes === undefined || more.length > 0) return undefined;
  if (prefix === undefined) return { bytes, bits: 8 * BYTES };
  const bits = /^(?:0|[1-9]\d{0,2})$/.test(prefix)
    ? Number(prefix) + (address.includes(":") ? 0 : V4_PREFIX_BITS)
    : Number.NaN;
  const within = bits <= 8 * BYTES;
  return within && sharesBits(bytes, masked(bytes, bits), 8 * BYTES) ? { bytes, bits } : undefined;
}

export function isInRange(address: Uint8Array, { bytes, bits }: IpRange): boolean {
  return sharesBits(address, bytes, bits);
}

function sharesBits(a: Uint8Array, b: Uint8Array, bits: number): boolean {
  for (let at = 0; 8 * at < bits; at += 1) {
    const mask = 0xff & (0xff00 >> Math.min(8, bits - 8 * at));
    if ((((a[at] ?? 0) ^ (b[at] ?? 0)) & mask) !== 0) return false;
  }
  return true;
}

function masked(bytes: Uint8Array, bits: number): Uint8Array {
  return bytes.map((byte, at) => byte & (0xff00 >> Math.max(0, Math.min(8, bits - 8 * at))));
}

/** The bytes of groups between colons, the last of which may be an IPv4 address. */
function groups(text: string): number[] | undefined {
  if (text === "") return [];
  const found: number[] = [];
  const words = text.split(":");
  for (const [at, word] of words.entries()) {
    if (at === words.length - 1 && word.includes(".")) {
      const last = v4(word, new Uint8Array(BYTES));
      if (last === undefined) return undefined;
      found.push(...last.slice(12));
    } else if (/^[0-9a-f]{1,4}$/i.test(word)) {
      const value = Number.parseInt(word, 16);
      found.push(value >> 8, value & 0xff);
    } else return undefined;
  }
  return found;
}

/** Into the last four bytes. A leading zero is octal to some and decimal to others, so it is none. */
function v4(text: string, into: Uint8Array): Uint8Array | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  for (const [at, part] of parts.entries()) {
    if (!/^(?:0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    into[12 + at] = Number(part);
  }
  return into;
}
