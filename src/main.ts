// The program: argv in, exit code out. The only reader of argv, environment and signals; what each command
// needs beyond that is loaded when it is run, so that `--help` is there at once.
import { runCli } from "./cli/run-cli.ts";
import { realSurroundings } from "./program/real-surroundings.ts";

void runCli(process.argv.slice(2), realSurroundings()).then((code) => process.exit(code));
