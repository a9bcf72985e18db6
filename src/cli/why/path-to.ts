// Which hops lie between this machine and what a person names: a device, DEVICE/SERVICE, a share, any URL.

import { MusterError } from "../../protocol/errors.ts";
import type { HubFile } from "../../protocol/local-api.ts";
import { readServicePath } from "../../protocol/service-address.ts";
import type { DeviceView, ShareView } from "../../protocol/views.ts";
import { isLoopbackUrl } from "../hub-url.ts";
import type { Invocation } from "../invocation.ts";
import { askAgentOrHub, type Overview } from "../overview.ts";
import { plainLine } from "../plain-text.ts";
import { serviceStations, shareStations, strangerStation, type TicketedService } from "./at-the-gateway.ts";
import {
  agentStation,
  hubStation,
  noService,
  ownSession,
  serviceState,
  sessionStation,
} from "./at-the-hub.ts";
import type { PathProbe } from "./path-probe.ts";
import { noNearerThanHub, toldUrl, type Told } from "./told-address.ts";
import type { Seen, Station } from "./walk.ts";
import { wayThere } from "./way-there.ts";

export interface Surveyed {
  invocation: Invocation;
  probe: PathProbe;
  overview: Overview;
  joined: HubFile | undefined;
}

export interface Path {
  /** What is walked to, as a person would call it. */
  title: string;
  stations: Station[];
}

const TICKET_MS = 60_000;
const ID_PART_LENGTH = 7;
const TITLE_MAX = 400;

/** Throws `usage` for what is no name, `not_found` for what nobody here knows. */
export function pathTo(surveyed: Surveyed, target: string): Path {
  const { overview } = surveyed;
  const url = urlOf(target);
  if (url !== undefined) return pathToUrl(surveyed, url);
  const [name = "", service, more] = target.split("/");
  if (name === "" || service === "" || more !== undefined) {
    throw new MusterError("usage", `"${plainLine(target)}" names no device, service, share or URL`, {
      hint: "as in: muster why pi, muster why pi/grafana, muster why https://site.example.com",
    });
  }
  // Nobody here knows the fleet: what is broken lies before it.
  if (overview.devices === undefined || overview.hub.state !== "connected") {
    return { title: target, stations: toTheFleet(surveyed) };
  }
  const device = overview.devices.find((one) => one.name === name) ?? byId(overview.devices, name);
  if (device !== undefined && service !== undefined) return pathToService(surveyed, device, service);
  if (device !== undefined) return pathToDevice(surveyed, device);
  const share = overview.shares.find((one) => one.name === name || one.id === name);
  if (share !== undefined && service === undefined) return pathToShare(surveyed, share, "by name");
  throw new MusterError("not_found", `no device and no share here is called "${plainLine(name)}"`, {
    hint: "see `muster device ls` and `muster ls`; any address can be walked as a URL",
  });
}

function pathToDevice(surveyed: Surveyed, device: DeviceView): Path {
  const services = (device.services ?? []).map(({ name }): Station => {
    return { ...serviceState(device, name), aside: true };
  });
  return {
    title: device.name,
    stations: [...toTheDevice(surveyed, device), agentStation(surveyed.invocation, device), ...services],
  };
}

function pathToService(surveyed: Surveyed, device: DeviceView, name: string): Path {
  const service = device.services?.find((one) => one.name === name);
  if (service === undefined) throw noService(device, name);
  const title = `${device.name}/${name}`;
  const told = service.url == null ? undefined : { name: title, url: service.url };
  const stations = [
    ...toTheDevice(surveyed, device, told),
    agentStation(surveyed.invocation, device),
    serviceState(device, name),
  ];
  if (service.service_type !== "http") return { title, stations };
  const ticketed = (): Promise<TicketedService | string> => ticketFor(surveyed.invocation, device, name);
  return {
    title: told?.url ?? title,
    stations: [...stations, ...serviceStations(gatewayParts(surveyed), ticketed)],
  };
}

/** `by name`: nobody but the hub says where it is. */
function pathToShare(surveyed: Surveyed, share: ShareView, meant: "by name" | "by address"): Path {
  const { overview, joined, probe, invocation } = surveyed;
  const device = overview.devices?.find(({ id }) => id === share.device_id);
  const byHub = share.links.every(({ kind, url }) => kind === "hub" || url !== share.url);
  const atHub = byHub && joined !== undefined ? [hubStation(probe, joined, invocation.interrupted)] : [];
  return {
    title: share.url.slice(0, TITLE_MAX),
    stations: [
      ...wayTold(surveyed, share, meant),
      ...atHub,
      ...(device === undefined ? [] : [sessionStation(device, invocation.surroundings.clock.now())]),
      ...shareStations(gatewayParts(surveyed), share),
    ],
  };
}

function pathToUrl(surveyed: Surveyed, url: URL): Path {
  const { overview, joined, probe } = surveyed;
  const share = overview.shares.find((one) => hostOf(one.url) === url.host);
  if (share !== undefined) return pathToShare(surveyed, share, "by address");
  for (const device of overview.devices ?? []) {
    const service = device.services?.find(
      (one) => typeof one.url === "string" && hostOf(one.url) === url.host,
    );
    if (service !== undefined) return pathToService(surveyed, device, service.name);
  }
  const ca = joined?.ca;
  if (joined !== undefined && hostOf(joined.hub_url) === url.host) {
    // What is told for programs: `/d/DEVICE/SERVICE/…` at the hub.
    const place = readServicePath(url.pathname);
    if (place !== undefined && overview.devices !== undefined) {
      return pathTo(surveyed, `${place.device}/${place.service}`);
    }
    return { title: url.href, stations: toTheFleet(surveyed) };
  }
  const start = "start the server there, or compare the port";
  const stranger = strangerStation(gatewayParts(surveyed), url.href);
  return { title: url.href, stations: [...wayThere(probe, { url, ca, start }), stranger] };
}

/** Up to where the fleet is known: this machine's way to its hub, or to another of the hub's hosts. */
function toTheFleet(surveyed: Surveyed, by?: Told): Station[] {
  const { probe, joined, overview, invocation } = surveyed;
  if (joined === undefined) {
    throw new MusterError("not_joined", "this home has joined no hub, so it knows no fleet", {
      hint: "muster start makes a hub here; muster init HUB_URL joins one; a URL can be walked from anywhere",
    });
  }
  const { hub_url: hubUrl, ca } = joined;
  return [
    ...(by === undefined
      ? wayThere(probe, { url: new URL(hubUrl), ca, start: startHint(joined) })
      : wayTold(surveyed, by, "by name")),
    hubStation(probe, joined, invocation.interrupted),
    ownSession(overview.hub),
  ];
}

/** To where the hub says that something is. */
function wayTold({ probe, joined }: Surveyed, told: Told, meant: "by name" | "by address"): Station[] {
  let url: URL;
  try {
    url = toldUrl(told);
  } catch (problem) {
    return [{ name: "name", look: (): Promise<Seen> => Promise.reject(problem) }];
  }
  return wayThere(probe, {
    url,
    ca: joined?.ca,
    start: startHint(joined),
    ...(joined === undefined || meant === "by address"
      ? {}
      : { allow: noNearerThanHub(probe, joined, told) }),
  });
}

function toTheDevice(surveyed: Surveyed, device: DeviceView, by?: Told): Station[] {
  const now = surveyed.invocation.surroundings.clock.now();
  return [...toTheFleet(surveyed, by), sessionStation(device, now)];
}

/** A sentence where this machine gets no ticket. */
async function ticketFor(
  invocation: Invocation,
  device: DeviceView,
  service: string,
): Promise<TicketedService | string> {
  const request = { device: device.id, service, expires_in_ms: TICKET_MS };
  try {
    const { url, ticket } = await askAgentOrHub(invocation, {
      agent: (agent) => agent.call("service_ticket", request),
      hub: (session) => session.serviceTicket(request),
    });
    return { url, ticket, service, device: device.name };
  } catch (error) {
    if (error instanceof MusterError && error.code === "forbidden")
      return "this machine's key opens no services";
    throw error;
  }
}

function gatewayParts({ invocation, probe, joined }: Surveyed) {
  const { interrupted, surroundings } = invocation;
  return { probe, ca: joined?.ca, stop: interrupted, now: surroundings.clock.now() };
}

function startHint(joined: HubFile | undefined): string {
  if (joined === undefined) return "start the server there";
  if (joined.embedded) return "start it here: muster start";
  return isLoopbackUrl(joined.hub_url)
    ? "start the hub again: muster start, or muster hub where it runs alone"
    : "on its machine: start the hub again";
}

/** What has a scheme, a port or a dot; device and share names have none of them. */
function urlOf(target: string): URL | undefined {
  if (/^https?:\/\//i.test(target)) return URL.canParse(target) ? new URL(target) : undefined;
  // Of another scheme.
  if (target.includes("://")) return undefined;
  const [host = ""] = target.split("/");
  if (!/[.:]/.test(host)) return undefined;
  const local = /(^|\.)localhost(:|$)|^127\.|^\[/.test(host);
  const full = `${local ? "http" : "https"}://${target}`;
  return URL.canParse(full) ? new URL(full) : undefined;
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : "";
}

function byId(devices: readonly DeviceView[], part: string): DeviceView | undefined {
  if (part.length < ID_PART_LENGTH) return undefined;
  const meant = devices.filter(({ id }) => id.startsWith(part));
  return meant.length === 1 ? meant[0] : undefined;
}
