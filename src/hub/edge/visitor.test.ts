import { expect, test } from "bun:test";
import { field } from "../../http1/field.ts";
import { proxiesOf } from "./proxies.ts";
import { visitorOf } from "./visitor.ts";

const TRUSTED = proxiesOf(["10.0.0.2", "127.0.0.1", "172.16.0.0/12", "fd00:aa::/32"]);

const rows: [
  what: string,
  from: string,
  fields: [string, string][],
  visitor: string,
  https: boolean,
  proxied: boolean,
][] = [
  [
    "a visitor who says to be another",
    "192.0.2.7",
    [
      ["X-Forwarded-For", "198.51.100.1"],
      ["X-Forwarded-Proto", "https"],
    ],
    "192.0.2.7",
    false,
    false,
  ],
  [
    "a named proxy",
    "10.0.0.2",
    [
      ["X-Forwarded-For", "198.51.100.1"],
      ["X-Forwarded-Proto", "https"],
    ],
    "198.51.100.1",
    true,
    true,
  ],
  [
    "one that appends to what the visitor forged",
    "10.0.0.2",
    [["X-Forwarded-For", "6.6.6.6, 198.51.100.1"]],
    "198.51.100.1",
    false,
    true,
  ],
  [
    "forged in a field before",
    "10.0.0.2",
    [
      ["X-Forwarded-For", "6.6.6.6"],
      ["X-Forwarded-For", "198.51.100.1"],
    ],
    "198.51.100.1",
    false,
    true,
  ],
  [
    "two proxies in a row",
    "::ffff:127.0.0.1",
    [["X-Forwarded-For", "198.51.100.1, 10.0.0.2"]],
    "198.51.100.1",
    false,
    true,
  ],
  [
    "somewhere in a named range",
    "172.20.3.4",
    [["X-Forwarded-For", "198.51.100.1, fd00:aa::7"]],
    "198.51.100.1",
    false,
    true,
  ],
  ["beside a named range", "172.32.0.1", [["X-Forwarded-For", "198.51.100.1"]], "172.32.0.1", false, false],
  ["a proxy that says nothing", "10.0.0.2", [], "10.0.0.2", false, false],
  ["a proxy that says nonsense", "10.0.0.2", [["X-Forwarded-For", "evil host"]], "unknown", false, true],
  [
    "a proxy whose visitor forged the scheme",
    "10.0.0.2",
    [["X-Forwarded-Proto", "https, http"]],
    "10.0.0.2",
    false,
    false,
  ],
];

for (const [what, remoteAddress, fields, visitor, https, proxied] of rows) {
  test(`${what} is taken for ${visitor}${https ? " by https" : ""}`, () => {
    const sent = fields.map(([name, value]) => field(name, value));
    expect(visitorOf({ remoteAddress, tls: false }, sent, TRUSTED)).toEqual({ visitor, https, proxied });
  });
}
