import { expect, test } from "bun:test";
import { MusterError } from "../../protocol/errors.ts";
import { findShare } from "./find-share.ts";
import { recordOf, type ShareRecord } from "./share-record.ts";

function share(id: string, name: string): ShareRecord {
  return recordOf({
    id,
    name,
    label: name,
    url: null,
    kind: "page",
    path: "/srv",
    command: null,
    port: null,
    access: "public",
    password_verifier: null,
    password_version: 1,
    proof_key: new Uint8Array(32),
    expires_at: null,
    spa: 0,
    description: null,
    created_at: 0,
    wanted_running: 1,
    options: "{}",
  });
}

const SHARES = [share("abcdefghij", "blog"), share("abcdefgkkk", "shop"), share("zzzzzzzzzz", "abcdef")];

function found(reference: string): string {
  try {
    return findShare(SHARES, reference).row.name;
  } catch (error) {
    return error instanceof MusterError ? `${error.code}: ${error.message}` : String(error);
  }
}

test("an id, a name, or the only beginning of an id names a share", () => {
  expect(found("abcdefghij")).toBe("blog");
  expect(found("shop")).toBe("shop");
  expect(found("zz")).toBe("abcdef");
});

test("an exact name goes before the beginnings of ids", () => {
  expect(found("abcdef")).toBe("abcdef");
});

test("what could be two is refused with both named; what is none is not there", () => {
  expect(found("abcdefg")).toBe('ambiguous: "abcdefg" could be abcdefghij (blog), abcdefgkkk (shop)');
  expect(found("nothing")).toStartWith("not_found:");
  expect(found("toString")).toStartWith("not_found:");
});
