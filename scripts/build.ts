// `npm run build`: the page, and one file that is the whole program. `--platform` builds for another one
// (linux-arm64, darwin-arm64, …); `--keep-page` takes the page as it was built last. MUSTER_RELEASE_KEY names
// the release key whose public half goes in; without it the program cannot upgrade by itself.
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { toBase64Url } from "../src/protocol/bytes.ts";
import { isReleasePlatform } from "../src/protocol/release.ts";
import { buildPage, compile, ownPlatform } from "./compile.ts";
import { releaseSigner } from "./release-key.ts";
import { ownRuntime, runtimeFor } from "./runtimes.ts";

const { values } = parseArgs({
  options: {
    platform: { type: "string", default: ownPlatform() },
    out: { type: "string", default: resolve(import.meta.dirname, "../dist/muster") },
    "keep-page": { type: "boolean", default: false },
  },
});
const { platform } = values;
if (!isReleasePlatform(platform)) throw new Error(`there is no build for ${platform}`);
const signer = await releaseSigner();
if (!values["keep-page"]) buildPage();
const outfile = resolve(values.out);
// Without a network, and for this machine itself, the runtime that runs this will do.
const runtime = await runtimeFor(platform).catch((error: unknown) => {
  if (platform !== ownPlatform()) throw error;
  console.error(`with the runtime of this machine, which may need its CPU: ${String(error)}`);
  return ownRuntime;
});
await compile({
  outfile,
  runtime,
  facts: {
    releaseKey: signer === undefined ? undefined : toBase64Url(signer.publicKey),
    releasedAt: 0,
  },
});
console.log(outfile);
