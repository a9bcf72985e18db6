// Passkeys by the browser's own JSON forms (WebAuthn level 3): the hub's options go in as they come, and what
// the authenticator says goes back as it is.
import { z } from "zod";
import { MusterError } from "../../../src/protocol/errors.ts";
import { callHub } from "./hub-http.ts";

const PATH = "/api/auth/passkey";
const options = z.record(z.string(), z.unknown());
const anything = z.unknown();

export async function addPasskey(name: string, token: string | null): Promise<void> {
  const path = `${PATH}/generate-register-options`;
  const { value } = await callHub({ method: "GET", path, answer: options, token });
  // The browser checks the shape of these options itself and throws a TypeError where it does not fit.
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(value as never);
  const credential = await asked(navigator.credentials.create({ publicKey }));
  const body = { response: credential.toJSON(), name };
  await callHub({ method: "POST", path: `${PATH}/verify-registration`, body, answer: anything, token });
}

export async function signInWithPasskey(): Promise<void> {
  const path = `${PATH}/generate-authenticate-options`;
  const { value } = await callHub({ method: "GET", path, answer: options });
  // As above: the browser checks them.
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(value as never);
  const credential = await asked(navigator.credentials.get({ publicKey }));
  const body = { response: credential.toJSON() };
  await callHub({ method: "POST", path: `${PATH}/verify-authentication`, body, answer: anything });
}

async function asked(answer: Promise<Credential | null>): Promise<PublicKeyCredential> {
  const credential = await answer.catch((error: unknown) => {
    throw new MusterError("unauthorized", "the browser gave no passkey", {
      hint: "it was cancelled, took too long, or there is none for this address",
      cause: error,
    });
  });
  if (credential instanceof PublicKeyCredential) return credential;
  throw new MusterError("unauthorized", "the browser gave no passkey");
}
