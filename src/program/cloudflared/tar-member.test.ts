import { expect, test } from "bun:test";
import { tar, type Member } from "./tar.fixture.ts";
import { tarMember } from "./tar-member.ts";

const WANTED = { name: "cloudflared", maxBytes: 4096 };

async function read(archive: Uint8Array, portion = 100): Promise<string> {
  async function* portions(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < archive.length; at += portion) yield archive.subarray(at, at + portion);
  }
  const parts: Uint8Array[] = [];
  for await (const part of tarMember(portions(), WANTED)) parts.push(part);
  return Buffer.concat(parts).toString();
}

test("the wanted file comes out whole, in whatever portions the archive comes", async () => {
  const content = "program ".repeat(200);
  const archive = tar({ name: "README", content: "x".repeat(700) }, { name: "./cloudflared", content });
  for (const portion of [1, 100, 511, 512, 513, 100_000]) expect(await read(archive, portion)).toBe(content);
});

test("what only has its name is passed over", async () => {
  const others: Member[] = [
    { name: "cloudflared", content: "", type: "5" },
    { name: "cloudflared", content: "elsewhere", type: "2" },
    { name: "cloudflared", content: "11 x=y", type: "x" },
    { name: "bin/cloudflared", content: "another" },
  ];
  expect(await read(tar(...others, { name: "cloudflared", content: "it" }))).toBe("it");
  expect(await read(tar(...others)).catch(String)).toContain("no cloudflared in the archive");
});

test("a damaged archive is refused", async () => {
  const whole = tar({ name: "cloudflared", content: "x".repeat(1000) });
  expect(await read(whole.subarray(0, 900)).catch(String)).toContain("cut short");
  expect(await read(whole.subarray(0, 100)).catch(String)).toContain("no cloudflared");
  expect(await read(tar({ name: "cloudflared", content: "", size: "77777777777" })).catch(String)).toContain(
    "too large",
  );
  expect(await read(tar({ name: "cloudflared", content: "", size: "0000000001x" })).catch(String)).toContain(
    "damaged",
  );
});
