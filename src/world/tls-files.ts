// A certificate and its key from their files, checked before anything is served with them.
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { MusterError, systemCode } from "../protocol/errors.ts";
import type { TlsFiles } from "./world.ts";

const PEM = "-----BEGIN ";

export interface LoadedTls {
  cert: string;
  key: string;
  /** What a socket's `setKeyCert` takes. */
  context: unknown;
}

/** Throws `invalid` naming the file that can't be read, or that the two don't belong together. */
export function loadTls(files: TlsFiles): LoadedTls {
  const cert = readPem("certificate", files.cert);
  const key = readPem("private key", files.key);
  // An empty text counts as none given.
  if (!cert.includes(PEM) || !key.includes(PEM)) throw refusal(files, undefined);
  try {
    return { cert, key, context: createSecureContext({ cert, key }).context };
  } catch (error) {
    throw refusal(files, error);
  }
}

function readPem(what: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new MusterError("invalid", `cannot read the ${what} "${path}" (${systemCode(error)})`, {
      hint: "give the files with --cert and --key; this user must be able to read them",
      cause: error,
    });
  }
}

function refusal({ cert, key }: TlsFiles, cause: unknown): MusterError {
  if (systemCode(cause) === "ERR_OSSL_X509_KEY_VALUES_MISMATCH") {
    return new MusterError("invalid", `the key "${key}" is not that of the certificate "${cert}"`, {
      hint: "the first certificate of the file must be this hub's own; those that signed it follow",
      cause,
    });
  }
  return new MusterError("invalid", `"${cert}" and "${key}" are no certificate and key`, {
    hint: "both must be PEM files, the key without a passphrase",
    cause,
  });
}
