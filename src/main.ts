// The program: argv in, exit code out. The only reader of argv, environment and signals; what each command
// needs beyond that is loaded when it is run, so that `--help` is there at once. A task's keeper is this program too,
// and loads nothing else: there may be many of them.
import { KEEPER_WORD } from "./program/self-command.ts";

const [word, folder = "", ...rest] = process.argv.slice(2);
if (word === KEEPER_WORD && folder.startsWith("/") && rest.length === 0) {
  const { runKeeper } = await import("./program/keep-task.ts");
  await runKeeper(folder);
  process.exit(0);
}
const { runCli } = await import("./cli/run-cli.ts");
const { realSurroundings } = await import("./program/real-surroundings.ts");
const surroundings = realSurroundings();
const code = await runCli(process.argv.slice(2), surroundings);
const printed = await surroundings.printed();
if (!printed) surroundings.stderr.write("muster: error: the output could not be written\n");
process.exit(printed || code !== 0 ? code : 1);
