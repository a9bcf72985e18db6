// Starts the hub of the bench in a home, and knows how the rest reaches it.
import { join } from "node:path";
import { freePort, nextObject, type Stage, type Started } from "../stage.ts";

/** Every name under it is this machine (RFC 6761), so agents dial it like any domain. */
export const DOMAIN = "bench.localhost";

export interface HubPlace {
  home: string;
  port: number;
  /** Visitors without TLS. */
  visitorsPort: number;
  cert: string;
  key: string;
}

export async function hubPlace(stage: Stage, name: string): Promise<HubPlace> {
  const { cert, key } = await certificate(stage);
  return {
    home: stage.makeFolder(name),
    port: await freePort(),
    visitorsPort: await freePort(),
    cert,
    key,
  };
}

/** Resolves once it serves, with the time at which it began to. */
export async function startHub(
  stage: Stage,
  place: HubPlace,
): Promise<{ started: Started; servingAtMs: number }> {
  const { home, port, visitorsPort, cert, key } = place;
  const program = new URL("./hub.ts", import.meta.url).pathname;
  const started = stage.start(
    [process.execPath, program, home, String(port), String(visitorsPort), DOMAIN, cert, key],
    { env: { MUSTER_LOG: "warn" } },
  );
  const { servingAtMs } = await nextObject(started.lines());
  return { started, servingAtMs: Number(servingAtMs) };
}

/** Runs the command line with a home of its own, believing the bench's certificate. */
export function cliEnvironment(place: HubPlace, home: string): Record<string, string> {
  return { MUSTER_HOME: home, NODE_EXTRA_CA_CERTS: place.cert, MUSTER_LOG: "warn" };
}

/** Self-signed, for the bench's domain; made once a stage. */
export async function certificate(stage: Stage): Promise<{ cert: string; key: string }> {
  const cert = join(stage.folder, "cert.pem");
  const key = join(stage.folder, "key.pem");
  if (await Bun.file(cert).exists()) return { cert, key };
  await stage.run([
    "openssl",
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:prime256v1",
    "-nodes",
    "-days",
    "2",
    "-subj",
    `/CN=${DOMAIN}`,
    "-addext",
    `subjectAltName=DNS:localhost,DNS:${DOMAIN},DNS:*.${DOMAIN}`,
    "-keyout",
    key,
    "-out",
    cert,
  ]);
  return { cert, key };
}
