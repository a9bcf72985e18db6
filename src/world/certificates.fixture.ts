// Certificates for tests, made by openssl: an authority of their own and what it signs. Where openssl is
// missing, tests that need them are skipped and say so.
import { mkdtempSync, rmSync } from "node:fs";
import { isIP } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const hasOpenssl = Bun.which("openssl") !== null;

export interface Certificate {
  cert: string;
  key: string;
}

export class Authority implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "muster-ca-"));
  /** PEM file of the authority's own certificate. */
  readonly ca = join(this.folder, "ca.pem");

  constructor() {
    const key = join(this.folder, "ca.key");
    openssl("req", "-x509", ...NEW_KEY, "-keyout", key, "-out", this.ca, "-days", "2", "-subj", "/CN=test");
  }

  /** A certificate for these names, in files named after `file`. */
  issue(file: string, names: readonly string[]): Certificate {
    const [cert, key, request] = ["pem", "key", "csr"].map((end) => join(this.folder, `${file}.${end}`)) as [
      string,
      string,
      string,
    ];
    const alternatives = `subjectAltName=${names.map((name) => `${isIP(name) > 0 ? "IP" : "DNS"}:${name}`).join(",")}`;
    openssl(
      "req",
      ...NEW_KEY,
      "-keyout",
      key,
      "-out",
      request,
      "-subj",
      `/CN=${file}`,
      "-addext",
      alternatives,
    );
    const signing = ["-CA", this.ca, "-CAkey", join(this.folder, "ca.key"), "-CAcreateserial"];
    openssl(
      "x509",
      "-req",
      "-in",
      request,
      ...signing,
      "-days",
      "2",
      "-copy_extensions",
      "copy",
      "-out",
      cert,
    );
    return { cert, key };
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

function openssl(...args: string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(["openssl", ...args]);
  if (exitCode !== 0) throw new Error(`openssl ${args.join(" ")}: ${stderr.toString()}`);
}
