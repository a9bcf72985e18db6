import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Prints three megabytes and ends as the program does. */
const PRINTER = `
  const { printedTo } = await import(${JSON.stringify(join(import.meta.dir, "printed.ts"))});
  const out = printedTo(process.stdout);
  out.write("x".repeat(3_000_000));
  out.write("end\\n");
  process.stderr.write("printed\\n");
  process.exit((await out.settled()) ? 0 : 1);
`;

/** `$WAIT` is a pipe that says when everything was printed. */
async function run(redirection: string): Promise<{ text: string; codes: string }> {
  const script = `mkfifo "$WAIT"; "$BUN" -e "$PRINTER" ${redirection}; echo "codes \${PIPESTATUS[*]}" >&2`;
  const folder = mkdtempSync(join(tmpdir(), "muster-printed-"));
  const child = Bun.spawn(["bash", "-c", script], {
    env: { ...process.env, BUN: process.execPath, PRINTER, WAIT: join(folder, "wait") },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [text, said] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  rmSync(folder, { recursive: true });
  return { text: text.trim(), codes: said.replace("printed\n", "").trim() };
}

test("a reader that is slow to begin gets all of it", async () => {
  expect(await run('2> "$WAIT" | (read -r _ < "$WAIT"; wc -c)')).toEqual({
    text: "3000004",
    codes: "codes 0 0",
  });
});

test("a reader that has seen enough is no failure", async () => {
  expect(await run("| head -c 3")).toEqual({ text: "xxx", codes: "codes 0 0" });
});

test.skipIf(!existsSync("/dev/full"))("what a full disk did not take is a failure", async () => {
  expect(await run("> /dev/full")).toEqual({ text: "", codes: "codes 1" });
});
