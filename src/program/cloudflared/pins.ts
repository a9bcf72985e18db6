// The one version of cloudflared that this program installs: of each asset of its release the size and the SHA-256
// of the file as it is downloaded. They are compiled in, so the release key vouches for them with the program, and
// the signed manifest says them again for people.
//
// Taken from https://github.com/cloudflare/cloudflared/releases/tag/2026.9.3: the digests that GitHub records for
// the assets. The list in the release's own notes agrees for the bare programs; for the two .tgz it names the
// program inside (ab588b3b…, 5472c1a0…), not the archive. Several public projects that pin this version on their
// own have the same numbers. To take another version: decision 013.
import type { ReleasePins } from "../../protocol/release.ts";

export const CLOUDFLARED_PINS: ReleasePins = {
  version: "2026.9.3",
  files: [
    {
      platform: "darwin-x86_64",
      file: "cloudflared-darwin-amd64.tgz",
      size: 21_740_193,
      sha256: "d1155d0837487f261183b15c1eab6c4ebcad9dc49b94675f1524c3564cea3977",
    },
    {
      platform: "darwin-arm64",
      file: "cloudflared-darwin-arm64.tgz",
      size: 19_784_166,
      sha256: "587c2cfb1c230fe36c7fa7727da78be459dae028cabe8c001291999350f07095",
    },
    {
      platform: "linux-x86_64",
      file: "cloudflared-linux-amd64",
      size: 40_122_749,
      sha256: "77e26d8d900e0b8469f416239d14b5f296525fdf79fee6f511ef55609e3fbac2",
    },
    {
      platform: "linux-arm64",
      file: "cloudflared-linux-arm64",
      size: 37_685_657,
      sha256: "aaeb2d7d0da3614634c7e03ab13487a1522c2e79165ed2929cfe23d5e95b326d",
    },
    {
      platform: "linux-armv7",
      file: "cloudflared-linux-arm",
      size: 36_573_408,
      sha256: "967dc371a3fedbf09e881c13ee7ba317155ebc336cbd4afb756b46fc6785e5af",
    },
    {
      platform: "windows-x86_64",
      file: "cloudflared-windows-amd64.exe",
      size: 55_366_080,
      sha256: "f096265ec2fcbe9bb6e2d64268db167ced3fcbb83d894bdb9e2fcdb26f2ea7e2",
    },
  ],
};
