// Devices of the program beside the bench's hub: each joined by a setup token, its agent running, and asked by its
// local API as the command line asks it.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { nextObject, type Stage, type Started } from "../stage.ts";
import { cliEnvironment, DOMAIN, startHub, type HubPlace } from "./start-hub.ts";

export const program = new URL("../../bin/muster", import.meta.url).pathname;

/** What an agent answers is what its version documents; the bench is of the same version. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Answer = any;

export interface Device {
  name: string;
  home: string;
  pid: number;
  env: Record<string, string>;
  /** Throws with the agent's refusal. */
  call(name: string, request: object): Promise<Answer>;
  /** An answer that comes in pieces. */
  stream(name: string, request: object): Promise<Response>;
}

export interface Joined {
  place: HubPlace;
  hub: Started;
  devices: Device[];
}

const RETRIES = 50;
const RETRY_MS = 100;

/** Starts the hub of a place, and one device of its owner for each name. */
export async function startDevices(
  stage: Stage,
  place: HubPlace,
  names: readonly string[],
  config: Partial<Record<string, string>> = {},
): Promise<Joined> {
  const { started: hub } = await startHub(stage, place);
  const devices: Device[] = [];
  for (const name of names) devices.push(await joinDevice(stage, place, { name, config: config[name] }));
  return { place, hub, devices };
}

async function joinDevice(
  stage: Stage,
  place: HubPlace,
  { name, config }: { name: string; config: string | undefined },
): Promise<Device> {
  const home = stage.makeFolder(`device-${name}`);
  const env = cliEnvironment(place, home);
  const atHub = { env: cliEnvironment(place, place.home) };
  const { token }: Answer = JSON.parse(await stage.run([program, "device", "token", "--json"], atHub));
  const url = `https://localhost:${place.port}`;
  const init = ["init", url, "--token", token, "--yes", "--no-service", "--name", name, "--json"];
  await stage.run([program, ...init], { env });
  if (config !== undefined) stage.file(`device-${name}/muster.toml`, config);
  const agent = stage.start([program, "agent", "--json", "--port", "0"], { env });
  await nextObject(agent.lines());
  const { port }: Answer = JSON.parse(readFileSync(join(home, "agent.json"), "utf8"));
  const token2 = readFileSync(join(home, "token"), "utf8").trim();
  const device = localDevice({ name, home, pid: agent.pid, env }, { port, token: token2 });
  await eventually(async () => {
    const { hub } = await device.call("status", {});
    if (hub.state !== "connected") throw new Error(`${name} does not connect: ${hub.reason}`);
  });
  return device;
}

function localDevice(
  about: Pick<Device, "name" | "home" | "pid" | "env">,
  { port, token }: { port: number; token: string },
): Device {
  const ask = async (name: string, request: object): Promise<Response> => {
    const response = await fetch(`http://127.0.0.1:${port}/api/${name}`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
      body: JSON.stringify(request),
    });
    if (!response.ok) throw new Error(`${about.name}, ${name}: ${await response.text()}`);
    return response;
  };
  return { ...about, call: async (name, request) => (await ask(name, request)).json(), stream: ask };
}

/** Both sides pinned, and the hub relays. */
export async function pairUp(maker: Device, joiner: Device): Promise<void> {
  const { code, mailbox } = await maker.call("pair_make", { verified: false, reach: "anyone" });
  await joiner.call("pair_join", { code, verified: false });
  await maker.call("pair_wait", { mailbox });
  await relayed([maker, joiner]);
}

/** What both have pinned, the hub relays for: it says so a moment later. */
export async function relayed(devices: readonly Device[]): Promise<void> {
  for (const device of devices) {
    await eventually(async () => {
      const { peers } = await device.call("peers", {});
      if (!peers.every((peer: Answer) => peer.state === "paired")) throw new Error("the hub does not relay");
    });
  }
}

/** What a device says may be a moment behind what was done elsewhere. */
export async function eventually(look: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await look();
    } catch (error) {
      if (tries === RETRIES) throw error;
      await Bun.sleep(RETRY_MS);
    }
  }
}

/** How a client outside dials the hub. */
export function hubUrl(place: HubPlace): string {
  return `https://${DOMAIN}:${place.port}`;
}
