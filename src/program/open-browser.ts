// Starts the browser of this desktop with a file, where there is a desktop to start one on.
import { spawn } from "node:child_process";
import type { Environment } from "./parts.ts";

/** False where nobody would see it. Whether something is shown in the end, no starter tells. */
export async function openBrowser(file: string, environment: Environment): Promise<boolean> {
  const command = starter(environment);
  if (command === undefined) return false;
  return new Promise((done) => {
    const child = spawn(command, [file], { detached: true, stdio: "ignore" });
    child.on("error", () => done(false));
    child.on("spawn", () => {
      child.unref();
      done(true);
    });
  });
}

function starter(environment: Environment): string | undefined {
  // Its desktop is another machine's.
  if (isSet(environment, "SSH_CONNECTION")) return undefined;
  if (process.platform === "darwin") return "open";
  if (process.platform === "win32") return "explorer.exe";
  return isSet(environment, "DISPLAY") || isSet(environment, "WAYLAND_DISPLAY") ? "xdg-open" : undefined;
}

function isSet(environment: Environment, name: string): boolean {
  return (environment[name] ?? "") !== "";
}
