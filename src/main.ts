// The program: argv in, exit code out. The only reader of argv, environment and signals; what each command
// needs beyond that is loaded when it is run, so that `--help` is there at once.
import { runCli } from "./cli/run-cli.ts";
import { realSurroundings } from "./program/real-surroundings.ts";

const surroundings = realSurroundings();
const code = await runCli(process.argv.slice(2), surroundings);
const printed = await surroundings.printed();
if (!printed) surroundings.stderr.write("muster: error: the output could not be written\n");
process.exit(printed || code !== 0 ? code : 1);
