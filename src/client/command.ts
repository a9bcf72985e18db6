// Orders to the device whose agent runs in the hub's own process: signed by a controller's key, handed on by
// the hub, checked by the agent against its own copy of the owner log. Commands to any other device travel in
// a sealed session and are not made here.
import type { Crypto, Signer } from "../identity/crypto.ts";
import { fromBase64Url, toBase64Url, utf8 } from "../protocol/bytes.ts";
import { MusterError } from "../protocol/errors.ts";
import { LOCAL_API, type LocalRequest, type LocalResponse } from "../protocol/local-api.ts";
import type { ClientMessage } from "../protocol/messages.ts";
import { signedBytes } from "../protocol/signed.ts";
import type { Connection } from "./connection.ts";
import { refusalOf } from "./pending-requests.ts";

/** What may be ordered this way; requests and answers have the shapes of the local API's calls. */
export const COMMANDS = {
  "share.add": "add",
  "share.remove": "remove",
  "app.start": "start_app",
  "app.stop": "stop_app",
} as const;

export type CommandKind = keyof typeof COMMANDS;
export type CommandRequest<Kind extends CommandKind> = LocalRequest<(typeof COMMANDS)[Kind]>;
export type CommandResponse<Kind extends CommandKind> = LocalResponse<(typeof COMMANDS)[Kind]>;

/** Stands where a sealed session's hash would: page and agent meet inside one process, so there is none. */
export const NO_SEALED_SESSION: Uint8Array = new Uint8Array(32);
/** An app may take 30 s until its port answers; the agent then says so itself. */
const OUTCOME_MS = 45_000;

export interface Order<Kind extends CommandKind> {
  kind: Kind;
  request: CommandRequest<Kind>;
  deviceId: string;
  /** Ed25519 key of the device, as the owner log names it. */
  deviceKey: Uint8Array;
  /** Id of the owner log, base64url. */
  ownerRoot: string;
}

/** Signs an order. The device takes a command id once: send what this returns again to repeat safely. */
export async function signCommand<Kind extends CommandKind>(
  order: Order<Kind>,
  crypto: Crypto,
  signer: Signer,
): Promise<Omit<ClientMessage<"command">, "id">> {
  const logId = fromBase64Url(order.ownerRoot);
  if (logId === undefined) throw new MusterError("invalid", "the id of the owner log is not base64url");
  const request = JSON.stringify(order.request);
  const commandId = toBase64Url(crypto.randomBytes(16));
  const signature = await signer.sign(
    signedBytes("command", {
      logId,
      signerKey: signer.publicKey,
      deviceKey: order.deviceKey,
      sessionHash: NO_SEALED_SESSION,
      number: 0,
      commandId,
      kind: order.kind,
      requestHash: crypto.sha256(utf8(request)),
    }),
  );
  return {
    type: "command",
    command_id: commandId,
    device_id: order.deviceId,
    kind: order.kind,
    request,
    owner_root: order.ownerRoot,
    signer: toBase64Url(signer.publicKey),
    session_hash: toBase64Url(NO_SEALED_SESSION),
    number: 0,
    signature: toBase64Url(signature),
  };
}

/** Signs, sends and waits for the outcome. Rejects with the device's or the hub's refusal. */
export async function runCommand<Kind extends CommandKind>(
  connection: Pick<Connection, "request">,
  order: Order<Kind>,
  keys: { crypto: Crypto; signer: Signer },
): Promise<CommandResponse<Kind>> {
  const command = await signCommand(order, keys.crypto, keys.signer);
  const outcome = await connection.request(command, OUTCOME_MS);
  if (outcome.type !== "command_outcome") {
    throw new MusterError("protocol_error", `the hub answered a command with "${outcome.type}"`);
  }
  if (outcome.error !== undefined) throw refusalOf(outcome.error, outcome.id);
  return readOutcome(order.kind, outcome.result);
}

function readOutcome<Kind extends CommandKind>(
  kind: Kind,
  result: string | undefined,
): CommandResponse<Kind> {
  const read = LOCAL_API[COMMANDS[kind]].response.safeParse(parseJson(result ?? ""));
  if (!read.success)
    throw new MusterError("protocol_error", `the outcome of "${kind}" does not fit its shape`);
  // The schema above is the one of this kind; TypeScript does not follow the table through a type parameter.
  return read.data as CommandResponse<Kind>;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // which no shape accepts
  }
}
