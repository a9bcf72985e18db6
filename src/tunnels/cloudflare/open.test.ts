import { expect, test } from "bun:test";
import { Secret } from "../../identity/secret.ts";
import { rejection } from "../../store/testing.ts";
import { atProvider, DEVICE, HOSTNAME, testHub, type TestHub } from "../testing.ts";
import { openNamedLinks, type NamedLinksOptions } from "./open.ts";

const WISH = { holder: DEVICE, hostname: HOSTNAME };

function optionsFor({ shop, fake }: TestHub): NamedLinksOptions {
  const { db, sealer, hubId, log, world } = shop;
  const settings = { accountId: fake.accountId, zoneId: fake.zoneId, token: new Secret(fake.token) };
  const network = { fetch: fake.fetch };
  // Only fetch of it is used here.
  return { settings, db, sealer, hubId, log, world: { ...world, network: network as never } };
}

test("a hub that starts again goes on with what it began before", async () => {
  await using hub = await testHub();
  hub.fake.fail({ fault: "lost", on: "POST" });
  await rejection(hub.link.create(WISH));
  await hub.time.advance(10_000);
  const links = openNamedLinks(optionsFor(hub));
  await hub.time.advance(0);
  expect(links.enabled).toBe(true);
  expect(await links.link.status(DEVICE)).toMatchObject({ state: "ready" });
  expect(await links.leftovers()).toEqual([]);
  expect(await links.sweep()).toEqual({ removed: [], left: [] });
  links.close();
  await links.link.remove(DEVICE);
  expect(atProvider(hub.fake)).toEqual([]);
});

test("without settings everything of named links is one refusal", async () => {
  await using hub = await testHub();
  const links = openNamedLinks({ ...optionsFor(hub), settings: undefined });
  expect(links.enabled).toBe(false);
  for (const asked of [
    links.link.create(WISH),
    links.link.repair(DEVICE),
    links.leftovers(),
    links.sweep(),
  ]) {
    expect(await rejection(asked)).toMatchObject({ code: "unavailable", status: 503 });
  }
  expect(hub.fake.calls).toEqual([]);
  links.close();
});
