// Which room may import which, each ban with its reason. The test beside this file holds it.

export interface Room {
  /** Rooms whose code it may import. */
  may: readonly string[];
  /** Packages and runtime modules it may import. */
  packages: readonly string[];
  why: string;
}

export const ROOMS: Record<string, Room> = {
  protocol: { may: [], packages: ["zod"], why: "it runs in a browser and is what every side agrees on" },
  http1: {
    may: ["protocol"],
    packages: [],
    why: "parsing is pure, so that both ends and every test share it",
  },
  trunk: { may: ["protocol", "http1"], packages: [], why: "one code at both ends, which knows neither" },
  identity: {
    may: ["protocol"],
    packages: ["@hpke/core", "@noble/curves", "@noble/hashes", "zod", "node:crypto", "node:util"],
    why: "it runs in a browser; only crypto-node.ts and session-crypto-node.ts use node:crypto",
  },
  store: {
    may: ["protocol"],
    packages: ["kysely", "node:crypto", "node:path"],
    why: "rows and nothing of who asks for them",
  },
  client: {
    may: ["protocol", "trunk", "identity"],
    packages: [],
    why: "other programs use it, in a browser too",
  },
  tunnels: {
    may: ["protocol", "store", "identity"],
    packages: [],
    why: "public addresses by others' relays; whoever uses them hands itself in",
  },
  hub: {
    may: ["protocol", "http1", "trunk", "identity", "store", "tunnels"],
    packages: [
      "hono",
      "zod",
      "kysely",
      "better-auth",
      "@better-auth/passkey",
      "prom-client",
      "node:crypto",
      "node:path",
    ],
    why: "the hub never runs a device's code",
  },
  agent: {
    may: ["protocol", "http1", "trunk", "identity", "store", "client", "tunnels"],
    packages: ["zod", "kysely", "node:crypto", "node:path", "node:stream", "node:zlib", "prom-client"],
    why: "a device goes on without its hub; it talks to it as every client does",
  },
  cli: {
    may: ["protocol", "identity", "client"],
    // The last two for `muster mcp` alone.
    packages: [
      "commander",
      "@commander-js/extra-typings",
      "node:path",
      "node:util",
      "uqr",
      "zod",
      "@modelcontextprotocol/server",
    ],
    why: "a command is a program of the APIs, not of the hub's or agent's insides",
  },
  program: {
    may: [
      "protocol",
      "http1",
      "trunk",
      "identity",
      "store",
      "client",
      "hub",
      "agent",
      "cli",
      "world",
      "tunnels",
    ],
    packages: ["*"],
    why: "it puts the programs together, and nobody imports it but main.ts",
  },
  world: {
    may: ["protocol"],
    packages: ["*"],
    why: "the adapters to the real thing know nothing of the product",
  },
};
