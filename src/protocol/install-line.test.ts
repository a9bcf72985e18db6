import { expect, test } from "bun:test";
import { claimLine, installLine } from "./install-line.ts";

const rows: [what: string, hubUrl: string, lanUrl: string | undefined, insecure: boolean, line: string][] = [
  [
    "a hub with a domain",
    "https://example.com",
    undefined,
    false,
    "https://example.com/install.sh | sh -s -- T",
  ],
  [
    "one that others joined by plain HTTP",
    "http://192.0.2.7:8080",
    undefined,
    true,
    "http://192.0.2.7:8080/install.sh | sh -s -- --hub http://192.0.2.7:8080 --insecure T",
  ],
  [
    "one bound to its network that takes plain HTTP",
    "http://localhost:8080",
    "http://192.0.2.7:8080",
    true,
    "http://192.0.2.7:8080/install.sh | sh -s -- --hub http://192.0.2.7:8080 --insecure T",
  ],
];

for (const [what, hubUrl, lanUrl, insecure, line] of rows) {
  test(`the line for ${what} leads there from any machine`, () => {
    expect(installLine({ hubUrl, lanUrl, insecure }, "T")).toEqual({
      install: `curl -fsSL ${line}`,
      onlyHere: false,
    });
  });
}

test.each([
  ["on loopback", "http://localhost:8080", undefined, false],
  ["on loopback by number", "http://[::1]:8080", undefined, true],
  ["with a network that is not there yet", "http://localhost:8080", "http://localhost:8080", true],
  ["bound to its network that takes no plain HTTP", "http://localhost:8080", "http://192.0.2.7:8080", false],
])("the line for a hub %s is for this machine alone", (_, hubUrl, lanUrl, insecure) => {
  expect(installLine({ hubUrl, lanUrl, insecure }, "T")).toEqual({
    install: `curl -fsSL ${hubUrl}/install.sh | sh -s -- T`,
    onlyHere: true,
  });
});

test.each([
  ["https://example.com", undefined, false, "https://example.com", "", true],
  ["http://localhost:8080", "http://192.0.2.7:8080", true, "http://192.0.2.7:8080", " --insecure", false],
  ["http://localhost:8080", undefined, false, "http://localhost:8080", "", true],
])("a share of %s is opened in a browser only where that has keys", (...row) => {
  const [hubUrl, lanUrl, insecure, url, words, forBrowsers] = row;
  const { claim, link } = claimLine({ hubUrl, lanUrl, insecure }, "T");
  expect([claim, link]).toEqual([
    `muster device claim ${url}/claim#T${words}`,
    forBrowsers ? `${url}/claim#T` : undefined,
  ]);
});
