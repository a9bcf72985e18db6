// The situations that transcripts start from, by name.

import { HOME, type FakeSurroundings } from "./fake-surroundings.ts";
import { TOKEN } from "./fake-agent.ts";
import { ago, deviceView, peerView, sendView, shareView } from "./fake-views.ts";
import { FAKE_OFFER } from "./fake-services.ts";
import type { SetUps } from "./transcript.ts";

function terminal(surroundings: FakeSurroundings, columns: number): void {
  Object.assign(surroundings.stdout, { isTerminal: true, columns });
}

export const SET_UPS: SetUps = {
  "no agent runs": ({ agent }) => {
    agent.running = false;
  },
  "the home is new": ({ agent, files }) => {
    agent.running = false;
    for (const name of ["agent.json", "hub.json", "token"]) files.delete(`${HOME}/${name}`);
  },
  "only the hub runs": ({ agent }) => {
    agent.running = false;
    agent.hubAlone = true;
  },
  "a share was just added and another one stopped": ({ agent }) => {
    agent.hub = { ...agent.hub, state: "connected", since: ago(60_000), reason: null };
    agent.devices = [deviceView({ name: "laptop" })];
    agent.shares = [
      shareView({
        name: "docs",
        kind: "page",
        proof: { state: "unknown", checked_at: null, latency_ms: null, reason: null },
      }),
      shareView({
        id: "s2",
        name: "cam",
        state: "stopped",
        proof: { state: "dead", checked_at: ago(9e6), latency_ms: null, reason: null },
      }),
    ];
  },
  "paired with desk, to and from which large files go": ({ agent }) => {
    agent.peers = [peerView({ name: "desk" })];
    agent.sends = [
      sendView({ id: "k3xpq2aa", name: "film.mkv", size: 3_500_000_000 }),
      sendView({ id: "m8wzt5bb", name: "disk.img", size: 64_000_000_000, waits: "the device is not online" }),
      sendView({
        id: "q1nrc7cc",
        name: "notes.zip",
        state: "failed",
        problem: { code: "conflict", message: '"notes.zip" was changed', hint: "send it again" },
      }),
    ];
    agent.arriving = [
      {
        id: "w5tzb9dd",
        from: "desk",
        at: ago(60_000),
        name: "photos.tar",
        size: 8_000_000_000,
        bytes: 2_000_000_000,
        state: "arriving",
      },
    ];
  },
  "the hub is not running": (surroundings) => {
    surroundings.attach = async () => {
      const { MusterError } = await import("../../protocol/errors.ts");
      throw new MusterError("hub_unreachable", "http://localhost:8080 can't be reached");
    };
  },
  "a process with the agent's number is not the agent": ({ agent }) => {
    agent.healthPid = 99;
  },
  "the agent does not answer as it should": (surroundings) => {
    surroundings.fetch = async () => new Response("busy", { status: 503 });
  },
  "the owner has signed in": ({ agent }) => {
    agent.signedIn = true;
  },
  "three shares on two devices": ({ agent }) => {
    agent.shares = [
      shareView({ id: "k3xpq2aa", name: "docs", kind: "page" }),
      shareView({ id: "m8wzt5bb", name: "shop", access: "public" }),
      shareView({ id: "q1nrc7cc", name: "cam", device_id: "pi", device_name: "pi" }),
    ];
    agent.devices = [
      ...(agent.devices ?? []),
      deviceView({ name: "pi", kind: "raspberry_pi", platform: "linux-arm64", latency_ms: 12 }),
      deviceView({ name: "Firefox on Linux", kind: "browser", status: "offline" }),
    ];
  },
  "the pi offers services": ({ agent }) => {
    const pi = deviceView({ name: "pi", kind: "raspberry_pi", platform: "linux-arm64", latency_ms: 12 });
    agent.devices = [...(agent.devices ?? []), { ...pi, ...FAKE_OFFER }];
  },
  "the pi offers services, and is offline": ({ agent }) => {
    const pi = deviceView({ name: "pi", status: "offline", last_seen: ago(7_200_000) });
    agent.devices = [...(agent.devices ?? []), { ...pi, ...FAKE_OFFER }];
  },
  "the shop is dead and the pi is offline": ({ agent }) => {
    agent.shares = agent.shares.map((share) => {
      if (share.name !== "shop") return share;
      return {
        ...share,
        proof: { state: "dead", checked_at: ago(4_000), latency_ms: null, reason: "app_refused" },
      };
    });
    agent.devices = agent.devices?.map((device) => {
      return device.name === "pi" ? { ...device, status: "offline", last_seen: ago(7_200_000) } : device;
    });
  },
  "the pi has been away for 45 days": ({ agent }) => {
    agent.devices = agent.devices?.map((device) => {
      const seen = ago(45 * 86_400_000);
      return device.name === "pi" ? { ...device, status: "stale", since: seen, last_seen: seen } : device;
    });
  },
  "two shares begin alike": ({ agent }) => {
    agent.shares = [
      shareView({ id: "k3xpq2aa", name: "docs", kind: "page" }),
      shareView({ id: "k3zzz5bb", name: "shop" }),
    ];
  },
  "the hub is away": ({ agent }) => {
    agent.hub = { ...agent.hub, state: "connecting", since: ago(180_000), reason: "connection_refused" };
    agent.devices = undefined;
  },
  "names hold control sequences": ({ agent }) => {
    agent.shares = [shareView({ name: "shop", access: "public" })].map((share) => ({
      ...share,
      name: "shop\u001b[2J\u202e",
      proof: { ...share.proof, state: "dead", reason: "\u001b]0;owned\u0007no_answer" },
    }));
    agent.log = "\u001b[31mred\u001b[0m \u001b]0;title\u0007café\rdone\n";
  },
  "the terminal has 80 columns": (surroundings) => terminal(surroundings, 80),
  "errors go to a terminal of 80 columns": ({ stderr }) => {
    Object.assign(stderr, { isTerminal: true, columns: 80 });
  },
  "the terminal has 120 columns": (surroundings) => terminal(surroundings, 120),
  "the terminal has 0 columns": (surroundings) => terminal(surroundings, 0),
  "NO_COLOR is set": ({ environment }) => {
    environment["NO_COLOR"] = "1";
  },
  "the password is piped in": ({ typed }) => {
    typed.push("correct horse");
  },
  "two different passwords are typed": (surroundings) => {
    surroundings.stdin.isTerminal = true;
    surroundings.typed.push("correct horse", "correct hose");
  },
  "this machine runs no services": ({ service }) => {
    service.absent = "systemd does not run here (a container, or WSL 1)";
  },
  "a token is piped in": ({ typed }) => {
    typed.push(`mst1_${"B".repeat(70)}`);
  },
  "a VPS is chosen, and joins after a while": (surroundings) => {
    const { agent, typed, stdin, timers, fetch } = surroundings;
    stdin.isTerminal = true;
    typed.push("server", "VPS");
    const firefox = deviceView({ name: "firefox", id: "eeeeeee-hijklmn-opqrstu-vwxyz23", kind: "browser" });
    const another = deviceView({ name: "den", id: "fffffff-hijklmn-opqrstu-vwxyz23" });
    const pond = deviceView({
      name: "pond",
      id: "ddddddd-hijklmn-opqrstu-vwxyz23",
      status: "pending",
      hostname: "pond.muster.example.com",
    });
    surroundings.fetch = (url, init) => {
      if (url.endsWith("/api/device_token")) {
        surroundings.fetch = fetch;
        // Others come meanwhile, by tokens of their own.
        timers.after(30_000, () => agent.devices?.push(firefox, another));
        timers.after(60_000, () => {
          agent.devices?.push(pond);
          agent.joined = pond.id;
        });
      }
      return fetch(url, init);
    };
  },
  "a VPS is chosen": ({ agent, typed, stdin }) => {
    agent.joined = undefined;
    stdin.isTerminal = true;
    typed.push("vps");
  },
  "nothing is answered": ({ typed, stdin }) => {
    stdin.isTerminal = true;
    typed.push("");
  },
  "there is no muster.toml yet": (surroundings) => {
    surroundings.readConfig = async () => ({ path: null, values: [] });
  },
  "a camera waits to be let in": ({ agent }) => {
    agent.devices?.push(deviceView({ name: "cam", id: "ccccccc-hijklmn-opqrstu-vwxyz23", confirmed: false }));
  },
  "the owner types no": (surroundings) => {
    surroundings.stdin.isTerminal = true;
    surroundings.typed.push("n");
  },
  "the owner types yes": (surroundings) => {
    surroundings.stdin.isTerminal = true;
    surroundings.typed.push("yes");
  },
  "the hub is elsewhere": ({ files }) => {
    const joined = JSON.parse(files.get(`${HOME}/hub.json`) ?? "{}") as object;
    files.set(`${HOME}/hub.json`, JSON.stringify({ ...joined, controller: false, embedded: false }));
  },
  "no other machine reaches the hub": ({ agent }) => {
    const expires_at = new Date(Date.UTC(2026, 10, 20, 12, 15)).toISOString();
    const install = `curl -fsSL http://localhost:8080/install.sh | sh -s -- ${TOKEN}`;
    agent.broken = { device_token: Response.json({ token: TOKEN, expires_at, install, only_here: true }) };
  },
  "the program breaks": ({ agent }) => {
    agent.broken = { remove: new Response("<html>", { status: 500 }) };
  },
};
