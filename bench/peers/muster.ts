// Muster itself: a hub with TLS, a device joined to it by a setup token, and the app published twice, once
// behind a password and once public. Everything but the hub's second listener is done by the command line.
import type { Target } from "../load/target.ts";
import { cliEnvironment, DOMAIN, hubPlace, startHub } from "../muster/start-hub.ts";
import { nextObject } from "../stage.ts";
import type { Contender, Ground, Peer } from "./peer.ts";

const program = new URL("../../bin/muster", import.meta.url).pathname;

export const muster: Peer = {
  name: "Muster",
  programs: ["openssl"],
  start: startMuster,
};

export async function startMuster(ground: Ground): Promise<Contender[]> {
  const { stage, originPort, between } = ground;
  const place = await hubPlace(stage, "muster-hub");
  const { started: hub } = await startHub(stage, place);
  const home = stage.makeFolder("muster-agent");
  const atHub = { env: cliEnvironment(place, place.home) };
  const atDevice = { env: cliEnvironment(place, home) };
  const dialled = between === undefined ? place.port : await between(place.port);
  const url = `https://localhost:${dialled}`;
  const { token } = JSON.parse(await stage.run([program, "device", "token", "--json"], atHub)) as {
    token: string;
  };
  await stage.run([program, "init", url, "--token", token, "--yes", "--no-service", "--json"], atDevice);
  const agent = stage.start([program, "agent", "--json", "--port", "0"], atDevice);
  await nextObject(agent.lines());
  const guarded = await publish(originPort, "guarded", []);
  await publish(originPort, "open", ["--public"]);

  const sides = { hub: [hub.pid], agent: [agent.pid] };
  const withPassword: Target = {
    port: place.visitorsPort,
    tls: false,
    host: `guarded.${DOMAIN}`,
    fields: { "Muster-Password": guarded.password ?? "" },
  };
  const contenders = [
    { name: "Muster, password", target: withPassword, ...sides },
    {
      name: "Muster, public",
      target: { ...withPassword, host: `open.${DOMAIN}`, fields: {} },
      ...sides,
    },
    {
      name: "Muster, password, visitors with TLS",
      target: { ...withPassword, port: place.port, tls: true },
      ...sides,
    },
  ];
  for (const { target } of contenders) await answers(target);
  return contenders;

  async function publish(port: number, name: string, flags: string[]): Promise<{ password?: string }> {
    // The agent may be connecting still; then `add` says so and is asked again.
    for (let tries = 1; ; tries += 1) {
      try {
        const said = await stage.run(
          [program, "add", String(port), "--name", name, "--json", ...flags],
          atDevice,
        );
        return JSON.parse(said) as { password?: string }; // the documented answer of `add`
      } catch (error) {
        if (tries === 20) throw error;
        await Bun.sleep(200);
      }
    }
  }
}

async function answers({ port, tls, host, fields }: Target): Promise<void> {
  const url = `${tls ? "https" : "http"}://127.0.0.1:${port}/`;
  const response = await fetch(url, {
    headers: { ...fields, Host: host },
    tls: { rejectUnauthorized: false },
  });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${host} answers ${response.status}: ${text.slice(0, 300)}`);
}
