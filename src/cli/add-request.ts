// The wish behind `muster add`, made of its argument and flags: pure but for the look whether a path is there
// and the reading of a password.

import { resolve } from "node:path";
import { hostNameProblem } from "../protocol/names.ts";
import { MusterError } from "../protocol/errors.ts";
import type { AddShare } from "../protocol/local-api.ts";
import { parseDuration } from "./durations.ts";
import type { Invocation } from "./invocation.ts";
import { readSecretText } from "./secret-input.ts";

export interface AddFlags {
  public?: true | undefined;
  /** `true` without a word. */
  password?: string | true | undefined;
  login?: true | undefined;
  expires?: string | undefined;
  name?: string | undefined;
  description?: string | undefined;
  link: string;
  rewriteHost?: true | undefined;
  spa?: true | undefined;
  insecure?: true | undefined;
  run?: string | undefined;
  port?: number | undefined;
  allowOrigin?: string[] | undefined;
}

const DESCRIPTION_MAX = 200;
const PASSWORD_MAX = 1_024;
const ORIGINS_MAX = 20;

export async function addRequest(invocation: Invocation, target: string, flags: AddFlags): Promise<AddShare> {
  // A variable that is not set: resolved, it would be the folder one stands in.
  if (target.trim() === "") {
    throw new MusterError("usage", "the path is empty", {
      hint: "give a file, a folder, or the port of an app; `.` is this folder",
    });
  }
  const isPort = /^[0-9]+$/.test(target);
  refuseContradictions(target, flags, isPort);
  refuseUnfit(flags);
  const what = isPort ? portTarget(invocation, target, flags) : await pathTarget(invocation, target, flags);
  const expiresInMs =
    flags.expires === undefined
      ? undefined
      : parseDuration(flags.expires, { name: "--expires", min: "1m", max: "3650d" });
  const password = await chosenPassword(invocation, flags.password);
  return {
    ...what,
    access: flags.public === true ? "public" : flags.login === true ? "login" : "password",
    ...(password === undefined ? {} : { password }),
    ...(flags.name === undefined ? {} : { name: flags.name }),
    ...(flags.description === undefined ? {} : { description: flags.description }),
    ...(expiresInMs === undefined ? {} : { expires_in_ms: expiresInMs }),
    ...(flags.spa === true ? { spa: true } : {}),
    ...(flags.rewriteHost === true ? { rewrite_host: true } : {}),
    ...(flags.insecure === true ? { insecure: true } : {}),
    ...(flags.link === "named" ? { link: "named" as const } : {}),
    ...(flags.allowOrigin === undefined ? {} : { allow_origins: flags.allowOrigin.map(checkedOrigin) }),
  };
}

function refuseContradictions(target: string, flags: AddFlags, isPort: boolean): void {
  const isApp = isPort || flags.run !== undefined;
  const refuse = (holds: boolean, first: string, second: string, hint: string): void => {
    if (holds) throw new MusterError("usage", `${first} and ${second} contradict each other`, { hint });
  };
  refuse(
    flags.public === true && flags.password !== undefined,
    "--public",
    "--password",
    "leave out one of them",
  );
  refuse(flags.public === true && flags.login === true, "--public", "--login", "leave out one of them");
  refuse(
    flags.login === true && flags.password !== undefined,
    "--login",
    "--password",
    "leave out one of them",
  );
  refuse(
    flags.public === true && flags.insecure === true,
    "--public",
    "--insecure",
    "a public share has no password to protect",
  );
  refuse(flags.spa === true && isApp, "--spa", isPort ? `the port ${target}` : "--run", "--spa is for pages");
  refuse(
    flags.rewriteHost === true && !isApp,
    "--rewrite-host",
    `the page "${target}"`,
    "--rewrite-host is for apps",
  );
  refuse(
    isPort && flags.port !== undefined && flags.port !== Number(target),
    `the port ${target}`,
    `--port ${flags.port}`,
    `for a folder of that name say ./${target}`,
  );
}

function refuseUnfit(flags: AddFlags): void {
  if (flags.link !== "hub" && flags.link !== "named") {
    throw new MusterError("unavailable", `a ${flags.link} link is not available in this version`, {
      hint: "leave out --link: the hub carries the share",
    });
  }
  const problem = flags.name === undefined ? undefined : hostNameProblem(flags.name);
  if (problem !== undefined)
    throw new MusterError("usage", `the name "${flags.name?.slice(0, 64) ?? ""}" ${problem}`);
  if ((flags.description ?? "").length > DESCRIPTION_MAX) {
    throw new MusterError("usage", `--description may have at most ${DESCRIPTION_MAX} characters`);
  }
  if ((flags.allowOrigin ?? []).length > ORIGINS_MAX) {
    throw new MusterError("usage", `--allow-origin may be given at most ${ORIGINS_MAX} times`);
  }
}

function portTarget(
  { surroundings }: Invocation,
  target: string,
  { run }: AddFlags,
): Pick<AddShare, "path" | "port" | "run"> {
  const port = Number(target);
  if (port < 1 || port > 65_535) {
    throw new MusterError("usage", `${target} is no port: those go from 1 to 65535`, {
      hint: `for a file or folder of that name say ./${target}`,
    });
  }
  return run === undefined ? { port } : { port, run: checkedCommand(run), path: surroundings.cwd };
}

async function pathTarget(
  { surroundings }: Invocation,
  target: string,
  { run, port }: AddFlags,
): Promise<Pick<AddShare, "path" | "port" | "run">> {
  if (run !== undefined && (port === undefined || port === 0)) {
    throw new MusterError("usage", "--run needs --port", {
      hint: "say which port the command serves: --port 3000",
    });
  }
  if (port !== undefined && run === undefined) {
    throw new MusterError("usage", `--port needs --run, or the port instead of "${target}"`, {
      hint: `\`muster add ${port}\` publishes what listens on port ${port}`,
    });
  }
  const path = resolve(surroundings.cwd, target);
  const info = await surroundings.disk.info(path);
  if (info === undefined) {
    throw new MusterError("not_found", `there is no file or folder "${target}"`, {
      hint: "give a file, a folder, or the port of an app",
    });
  }
  if (info.kind === "other") throw new MusterError("invalid", `"${target}" is neither a file nor a folder`);
  if (run === undefined || port === undefined) return { path };
  if (info.kind === "file")
    throw new MusterError("usage", `--run works in a folder, and "${target}" is a file`);
  return { path, port, run: checkedCommand(run) };
}

function checkedCommand(run: string): string {
  if (run.trim() === "") throw new MusterError("usage", "--run needs a command");
  return run;
}

async function chosenPassword(
  invocation: Invocation,
  flag: string | true | undefined,
): Promise<string | undefined> {
  if (flag === undefined) return undefined;
  const asked = flag === true || flag === "-";
  const password = asked ? await readSecretText(invocation, { what: "password", twice: true }) : flag;
  if (password === "" || password.length > PASSWORD_MAX) {
    throw new MusterError("usage", `a password has 1 to ${PASSWORD_MAX} characters`);
  }
  return password;
}

function checkedOrigin(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.origin === text.replace(/\/$/, ""))
    return url.origin;
  throw new MusterError("usage", `--allow-origin "${text.slice(0, 200)}" is no origin`, {
    hint: "an origin is scheme, host and port: https://app.example.com",
  });
}
