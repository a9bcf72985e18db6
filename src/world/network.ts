// The real network behind the contract of world.ts; each part of it stands in a file of its own.
import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { connect } from "./connect.ts";
import { httpFetch } from "./http-fetch.ts";
import { serve } from "./http-server.ts";
import { listen } from "./listen.ts";
import { streamFetch } from "./stream-fetch.ts";
import { webSocket } from "./web-socket-client.ts";
import type { Network, NetworkInterface } from "./world.ts";

function interfaces(): NetworkInterface[] {
  return Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
    (addresses ?? []).map(({ address, internal }) => ({ name, address, internal })),
  );
}

/** Destination 00000000 is the default route (proc(5), /proc/net/route). */
function defaultRoute(): string {
  try {
    const lines = readFileSync("/proc/net/route", "utf8").split("\n").slice(1);
    return lines.filter((line) => line.split("\t")[1] === "00000000").join("\n");
  } catch {
    // No /proc here: a change shows in the addresses alone.
    return "";
  }
}

export const realNetwork: Network = {
  defaultRoute,
  listen,
  connect,
  serve,
  webSocket,
  fetch: httpFetch,
  fetchStream: streamFetch,
  interfaces,
};
