// What every kind of link must do. A kind's test hands in how to set a hub up with it; later kinds run the same.

import { expect, test } from "bun:test";
import { rejection } from "../store/testing.ts";
import type { Link } from "./link.ts";

export interface LinkBench extends AsyncDisposable {
  link: Link;
  /** Gives the holder the host name on the hub, as joining does. */
  name(holder: string, hostname: string): void;
  /** Takes the host name back, as a revocation does. */
  free(holder: string): void;
  /** What stands for it anywhere outside the hub's record. */
  outside(): number;
}

const HOLDER = "abcdefg-hijklmn-opqrstu-vwxyz23";
const HOSTNAME = "pi.example.com";

export function linkSuite(kind: string, open: () => Promise<LinkBench>): void {
  test(`${kind}: what was never made is nothing, and can be removed`, async () => {
    await using bench = await open();
    const nothing = {
      kind: bench.link.kind,
      state: "none" as const,
      url: null,
      checkedAt: null,
      reason: null,
    };
    expect(await bench.link.status(HOLDER)).toEqual(nothing);
    expect(await bench.link.remove(HOLDER)).toEqual(nothing);
  });

  test(`${kind}: making it gives an address on its host name, and twice is once`, async () => {
    await using bench = await open();
    bench.name(HOLDER, HOSTNAME);
    const first = await bench.link.create({ holder: HOLDER, hostname: HOSTNAME });
    expect(first).toMatchObject({ kind: bench.link.kind, state: "ready", reason: null });
    expect(new URL(first.url ?? "").hostname).toBe(HOSTNAME);
    const outside = bench.outside();
    expect(await bench.link.create({ holder: HOLDER, hostname: HOSTNAME })).toMatchObject({ url: first.url });
    expect(await bench.link.repair(HOLDER)).toMatchObject({ state: "ready", url: first.url });
    expect(bench.outside()).toBe(outside);
  });

  test(`${kind}: a rotation keeps the address`, async () => {
    await using bench = await open();
    bench.name(HOLDER, HOSTNAME);
    const { url } = await bench.link.create({ holder: HOLDER, hostname: HOSTNAME });
    expect(await bench.link.rotate(HOLDER, () => Promise.resolve())).toMatchObject({ state: "ready", url });
  });

  test(`${kind}: another device's host name is refused`, async () => {
    await using bench = await open();
    bench.name(HOLDER, HOSTNAME);
    await bench.link.create({ holder: HOLDER, hostname: HOSTNAME });
    const other = { holder: "zzzzzzz-hijklmn-opqrstu-vwxyz23", hostname: HOSTNAME };
    expect(await rejection(bench.link.create(other))).toMatchObject({ code: "conflict" });
  });

  test(`${kind}: removed, nothing of it is left anywhere, and it can be made again`, async () => {
    await using bench = await open();
    bench.name(HOLDER, HOSTNAME);
    await bench.link.create({ holder: HOLDER, hostname: HOSTNAME });
    bench.free(HOLDER);
    expect(await bench.link.remove(HOLDER)).toMatchObject({ state: "none", url: null });
    expect(bench.outside()).toBe(0);
    bench.name(HOLDER, HOSTNAME);
    expect(await bench.link.create({ holder: HOLDER, hostname: HOSTNAME })).toMatchObject({ state: "ready" });
  });

  test(`${kind}: its limits are told`, async () => {
    await using bench = await open();
    expect(typeof bench.link.limits.serverSentEvents).toBe("boolean");
    expect(bench.link.limits.stableAddress).toBe(bench.link.kind !== "quick");
  });
}
