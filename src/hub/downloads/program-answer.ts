// A program as an answer: whole, compressed where that is taken, or the rest of a download that was cut. The
// bytes go from the disk to the connection; nothing of their size is ever held.
import type { ByteRange } from "./byte-range.ts";
import { byteRange } from "./byte-range.ts";
import type { Program } from "./downloads.ts";

export function programAnswer(program: Program, request: Request): Response {
  const { sha256, bytes, name, gzip } = program;
  const etag = `"${sha256}"`;
  const headers = new Headers({
    "Content-Type": "application/octet-stream",
    "Content-Disposition": `attachment; filename="${name}"`,
    "Cache-Control": "no-cache",
    "Muster-Sha256": sha256,
    "Accept-Ranges": "bytes",
    Vary: "Accept-Encoding",
    ETag: etag,
  });
  const asked = rangeOf(request, { etag, size: bytes.size });
  if (asked === "outside") {
    headers.set("Content-Range", `bytes */${bytes.size}`);
    return new Response(null, { status: 416, headers });
  }
  if (asked !== undefined) {
    headers.set("Content-Range", `bytes ${asked.start}-${asked.end - 1}/${bytes.size}`);
    return sent(request, { body: bytes.slice(asked.start, asked.end), status: 206, headers });
  }
  if (gzip === undefined || !takesGzip(request.headers.get("accept-encoding"))) {
    return sent(request, { body: bytes, status: 200, headers });
  }
  headers.set("Content-Encoding", "gzip");
  headers.set("ETag", `"${sha256}-gzip"`);
  return sent(request, { body: gzip, status: 200, headers });
}

function sent(
  { method }: Request,
  { body, status, headers }: { body: Blob; status: number; headers: Headers },
): Response {
  if (method !== "HEAD") return new Response(body, { status, headers });
  headers.set("Content-Length", String(body.size));
  return new Response(null, { status, headers });
}

/** A range of another version would be glued to the wrong half: If-Range guards it. */
function rangeOf(
  { headers }: Request,
  { etag, size }: { etag: string; size: number },
): ByteRange | "outside" | undefined {
  const condition = headers.get("if-range");
  if (condition !== null && condition !== etag) return undefined;
  return byteRange(headers.get("range"), size);
}

/** Named, and not with a weight of nothing (RFC 9110, 12.5.3). */
function takesGzip(header: string | null): boolean {
  return (header ?? "").split(",").some((coding) => {
    const [name = "", ...parameters] = coding.split(";").map((part) => part.trim().toLowerCase());
    return name === "gzip" && !parameters.some((parameter) => /^q=0(?:\.0{0,3})?$/.test(parameter));
  });
}
