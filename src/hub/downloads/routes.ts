// `/download/…` and `/install.sh`: how a new machine gets the program, and a running one its successor. They
// answer anyone, on every host of the hub, with or without a page there: who installs is nobody here yet.
import { MusterError } from "../../protocol/errors.ts";
import {
  isReleasePlatform,
  MANIFEST_NAME,
  PLATFORM_WITHOUT_BUILD,
  SIGNATURE_NAME,
  WITHOUT_BUILD_TEXT,
} from "../../protocol/release.ts";
import { hubResource } from "../api/hub-resource.ts";
import type { ApiParts } from "../api/ports.ts";
import { type Route, route } from "../api/route.ts";
import { NO_DOWNLOADS, type Downloads } from "./downloads.ts";
import { installScript } from "./install-script.ts";
import { programAnswer } from "./program-answer.ts";

const CHECKSUM = ".sha256";

export function downloadRoutes(parts: ApiParts): Route[] {
  const downloads = parts.downloads ?? NO_DOWNLOADS;
  return [
    route<"hub.see">({
      method: "GET",
      path: "/install.sh",
      action: "hub.see",
      at: "hub",
      fromAnywhere: true,
      answer(call) {
        call.allow(hubResource(parts));
        return plain(installScript(parts.addresses.hubUrl()));
      },
    }),
    route<"hub.see">({
      method: "GET",
      path: "/download/:name",
      action: "hub.see",
      at: "hub",
      fromAnywhere: true,
      async answer(call) {
        call.allow(hubResource(parts));
        const name = call.url.pathname.slice("/download/".length);
        if (name === MANIFEST_NAME || name === SIGNATURE_NAME) return releaseFile(downloads, name);
        if (!name.endsWith(CHECKSUM)) return programAnswer(await programOf(downloads, name), call.request);
        const { sha256 } = await programOf(downloads, name.slice(0, -CHECKSUM.length));
        return plain(`${sha256}\n`);
      },
    }),
  ];
}

async function releaseFile(downloads: Downloads, name: string): Promise<Response> {
  const manifest = await downloads.manifest();
  if (manifest === undefined) throw new MusterError("not_found", "this hub has no release", RELEASE_HINT);
  const { bytes, signature } = manifest;
  if (name === MANIFEST_NAME) return plain(bytes, "application/json");
  if (signature === undefined)
    throw new MusterError("not_found", "this hub's release is unsigned", RELEASE_HINT);
  return plain(signature);
}

const RELEASE_HINT = {
  hint: "`npm run release` makes one; MUSTER_RELEASE_KEY names the key that signs it",
};

async function programOf(downloads: Downloads, platform: string) {
  if (platform === PLATFORM_WITHOUT_BUILD) {
    throw new MusterError("not_found", WITHOUT_BUILD_TEXT, {
      hint: "a 64-bit system on the same Raspberry Pi (3 or later) works: linux-arm64",
    });
  }
  const program = isReleasePlatform(platform) ? await downloads.program(platform) : undefined;
  if (program !== undefined) return program;
  const there = await downloads.platforms();
  throw new MusterError("not_found", `this hub has no program for "${platform.slice(0, 40)}"`, {
    hint: `it has: ${there.length === 0 ? "none" : there.join(", ")}; \`npm run release\` makes them all`,
  });
}

function plain(body: string | Uint8Array<ArrayBuffer>, type = "text/plain; charset=utf-8"): Response {
  return new Response(body, { headers: { "Content-Type": type, "Cache-Control": "no-cache" } });
}
