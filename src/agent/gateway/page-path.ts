// From a request's target to the names of folders and file below a share's root. Decoded once and never again,
// so "%252e" stays a file name; what could climb, hide or end a path early is refused here, before any disk.

/** A name that begins with a dot is never served, `.well-known` (RFC 8615) excepted. */
const WELL_KNOWN = ".well-known";

export interface PagePath {
  readonly kind: "path";
  readonly names: readonly string[];
  /** The target ended with a slash: a folder is meant. */
  readonly folder: boolean;
}

/** 400: no honest client sends it. 404: names something that is never served. */
export interface RefusedPath {
  readonly kind: "refused";
  readonly status: 400 | 404;
}

const BAD: RefusedPath = { kind: "refused", status: 400 };
const NOTHING: RefusedPath = { kind: "refused", status: 404 };

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** `target` is in origin form, as the head parser lets it through. */
export function readPagePath(target: string): PagePath | RefusedPath {
  const query = target.indexOf("?");
  const raw = query < 0 ? target : target.slice(0, query);
  const names = raw.slice(1).split("/");
  const folder = names.at(-1) === "";
  if (folder) names.pop();
  let hidden = false;
  for (let at = 0; at < names.length; at++) {
    // In bounds by the loop's condition.
    const name = decodeName(names[at] as string);
    if (name === undefined) return BAD;
    names[at] = name;
    hidden ||= isHiddenName(name);
  }
  return hidden ? NOTHING : { kind: "path", names, folder };
}

/** One path segment, percent-decoded; undefined when it is malformed or could be more than one name. */
function decodeName(raw: string): string | undefined {
  const name = raw.includes("%") ? percentDecoded(raw) : raw;
  return name === undefined || name === ".." || !canBeAsked(name) ? undefined : name;
}

/** Whether a request can name it: control characters and what separates names on some system are refused. */
export function canBeAsked(name: string): boolean {
  for (let at = 0; at < name.length; at++) {
    const code = name.charCodeAt(at);
    if (code < 0x20 || code === 0x7f || code === 0x2f || code === 0x5c) return false;
  }
  return true;
}

/** Undefined for a bad escape and for bytes that are not UTF-8, overlong forms included. */
function percentDecoded(raw: string): string | undefined {
  const bytes = new Uint8Array(raw.length);
  let length = 0;
  for (let at = 0; at < raw.length; at++) {
    const code = raw.charCodeAt(at);
    if (code > 0x7f) return undefined;
    if (code !== 0x25) {
      bytes[length++] = code;
      continue;
    }
    const high = hexDigit(raw.charCodeAt(at + 1));
    const low = hexDigit(raw.charCodeAt(at + 2));
    if (high < 0 || low < 0) return undefined;
    bytes[length++] = (high << 4) | low;
    at += 2;
  }
  try {
    return decoder.decode(bytes.subarray(0, length));
  } catch {
    return undefined; // the decoder's only failure is malformed input
  }
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** Empty names too: "a//b" names nothing on a disk. */
export function isHiddenName(name: string): boolean {
  return name === "" || (name.charCodeAt(0) === 0x2e && name !== WELL_KNOWN);
}
