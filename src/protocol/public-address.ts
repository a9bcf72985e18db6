// Whether an address is one of the public internet: what is dialled by a name that others may point anywhere must not
// lead into the network of who dials. Anything that isn't surely public is not.

/** Networks that are not (RFC 6890), by their first bits. */
const RESERVED: readonly (readonly [string, number])[] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
];
/** Global unicast is 2000::/3. Of it 2001:db8::/32 is for documents, and 2002::/16 and 2001::/32 wrap IPv4. */
const GLOBAL = /^[23][0-9a-f]{3}:/;
const WRAPPED = /^(?:2001:(?:0?db8|0{0,4}):|2002:)/;

export function isPublicAddress(address: string): boolean {
  const text = address.toLowerCase();
  if (text.includes(":")) return GLOBAL.test(text) && !WRAPPED.test(text);
  const number = numberOf(text);
  if (number === undefined) return false;
  return !RESERVED.some(
    ([network, bits]) => number >>> (32 - bits) === (numberOf(network) ?? 0) >>> (32 - bits),
  );
}

function numberOf(address: string): number | undefined {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(address)?.slice(1).map(Number);
  if (parts === undefined || parts.some((part) => part > 255)) return undefined;
  return parts.reduce((number, part) => ((number << 8) | part) >>> 0, 0);
}
