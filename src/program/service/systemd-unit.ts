// The texts of our systemd units. No secret stands in one: what is secret is in files of the home, or comes as
// a credential (LoadCredential=). They are started again for ever, ever more slowly where systemd can do that.
import { MusterError } from "../../protocol/errors.ts";
import type { Layout } from "./layout.ts";

export interface UnitFeatures {
  /** `systemctl --version`; 0 where it is not known. */
  version: number;
}

/** From this version on systemd can wait longer from start to start. */
const BACK_OFF_SINCE = 254;
/** Requests in flight have 30 s (PATIENT in trunk/drain.ts), and what is left to close a little more. */
const STOP_SECONDS = 40;
const WATCHDOG_SECONDS = 30;

export function agentUnit(layout: Layout, { version }: UnitFeatures): string {
  const system = layout.scope === "system";
  return unit({
    Unit: [
      "Description=Muster agent",
      ...(system ? ["Wants=network-online.target", "After=network-online.target"] : []),
      // However often it fails, it is tried again: the network may be away for days.
      "StartLimitIntervalSec=0",
    ],
    Service: [
      ...running(version),
      `Environment=${quoted(`MUSTER_HOME=${layout.home}`)}`,
      `ExecStart=${quoted(layout.program)} agent`,
      // Tasks and apps outlive the agent: the next one finds them.
      "KillMode=process",
      "UMask=0077",
      "LimitNOFILE=65536",
      ...(system ? systemAgent(layout) : []),
    ],
    Install: [`WantedBy=${system ? "multi-user.target" : "default.target"}`],
  });
}

/**
 * The agent runs what its owner asks of it, so it keeps the machine's network and files of its account. What no
 * command of an ordinary account needs is closed.
 */
function systemAgent({ account = "nobody" }: Layout): string[] {
  return [
    `User=${account}`,
    `Group=${account}`,
    "StateDirectory=muster",
    "StateDirectoryMode=0700",
    "NoNewPrivileges=yes",
    "CapabilityBoundingSet=",
    "ProtectSystem=full",
    "ProtectHome=yes",
    "ProtectClock=yes",
    "ProtectControlGroups=yes",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "PrivateDevices=yes",
    "LockPersonality=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "SystemCallArchitectures=native",
    // The local API asks for peers of loopback; helpers of a named link see no container engine.
    "InaccessiblePaths=-/run/docker.sock -/run/containerd",
  ];
}

export interface HubUnitOptions {
  program: string;
  /** Absolute paths of PEM files, where the hub ends TLS itself. */
  tls?: { cert: string; key: string };
  domain?: string;
  /** As in muster.toml; else 8080, and 443 with a certificate. */
  port?: number;
  host?: string;
  /** Addresses of proxies in front. */
  behindProxy?: readonly string[];
  insecure?: boolean;
}

const HTTPS = 443;

/** Below it, listening needs a capability. */
const FIRST_FREE_PORT = 1024;

/** A hub for a server: a user that exists only while it runs, and nothing of the machine but its own state. */
export function hubUnit(options: HubUnitOptions, { version }: UnitFeatures): string {
  const { program, tls, domain, port, host, behindProxy, insecure = false } = options;
  const binds = port ?? (tls === undefined ? 0 : HTTPS);
  const low = binds > 0 && binds < FIRST_FREE_PORT;
  const command = [
    `${quoted(program)} hub`,
    ...(port === undefined ? [] : [`--port ${port}`]),
    ...(host === undefined ? [] : [`--host ${quoted(host)}`]),
    ...(domain === undefined ? [] : [`--domain ${quoted(domain)}`]),
    ...(tls === undefined ? [] : ["--cert ${CREDENTIALS_DIRECTORY}/cert --key ${CREDENTIALS_DIRECTORY}/key"]),
    ...(behindProxy === undefined ? [] : [`--behind-proxy ${quoted(behindProxy.join(","))}`]),
    ...(insecure ? ["--insecure"] : []),
  ];
  return unit({
    Unit: [
      "Description=Muster hub",
      "Wants=network-online.target",
      "After=network-online.target",
      "StartLimitIntervalSec=0",
    ],
    Service: [
      ...running(version),
      "DynamicUser=yes",
      "StateDirectory=muster-hub",
      "StateDirectoryMode=0700",
      "Environment=MUSTER_HOME=%S/muster-hub",
      `ExecStart=${command.join(" ")}`,
      // Its first lines hold the owner's sign-in, which is not for the journal: `muster hub login-link` makes one.
      "StandardOutput=null",
      ...(tls === undefined
        ? []
        : [`LoadCredential=${quoted(`cert:${tls.cert}`)}`, `LoadCredential=${quoted(`key:${tls.key}`)}`]),
      "UMask=0077",
      "LimitNOFILE=65536",
      ...(low
        ? ["AmbientCapabilities=CAP_NET_BIND_SERVICE", "CapabilityBoundingSet=CAP_NET_BIND_SERVICE"]
        : ["CapabilityBoundingSet=", "PrivateUsers=yes"]),
      ...HUB_WALLS,
    ],
    Install: ["WantedBy=multi-user.target"],
  });
}

const HUB_WALLS = [
  "NoNewPrivileges=yes",
  "ProtectSystem=strict",
  "ProtectHome=yes",
  "ProtectClock=yes",
  "ProtectControlGroups=yes",
  "ProtectHostname=yes",
  "ProtectKernelLogs=yes",
  "ProtectKernelModules=yes",
  "ProtectKernelTunables=yes",
  "ProtectProc=invisible",
  "ProcSubset=pid",
  "PrivateDevices=yes",
  "PrivateTmp=yes",
  "LockPersonality=yes",
  "RemoveIPC=yes",
  "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK",
  "RestrictNamespaces=yes",
  "RestrictRealtime=yes",
  "RestrictSUIDSGID=yes",
  "SystemCallArchitectures=native",
  "SystemCallFilter=@system-service",
  "SystemCallFilter=~@privileged @resources",
  // What is refused fails; ending the process would help nobody.
  "SystemCallErrorNumber=EPERM",
];

function running(version: number): string[] {
  return [
    "Type=notify",
    "NotifyAccess=main",
    "Restart=always",
    "RestartSec=1",
    ...(version >= BACK_OFF_SINCE ? ["RestartSteps=6", "RestartMaxDelaySec=60"] : []),
    `WatchdogSec=${WATCHDOG_SECONDS}`,
    `TimeoutStopSec=${STOP_SECONDS}`,
  ];
}

function unit(sections: Record<string, readonly string[]>): string {
  const texts = Object.entries(sections).map(([name, lines]) => `[${name}]\n${lines.join("\n")}\n`);
  return `# Written by Muster, and anew whenever it is installed.\n${texts.join("\n")}`;
}

/** One word of a unit, whatever it holds (systemd.service(5), "Command lines"). Throws for what no word can. */
function quoted(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(text)) {
    throw new MusterError("usage", "a path with control characters can't stand in a unit");
  }
  const escaped = text.replaceAll("%", "%%").replaceAll("$", "$$$$");
  if (/^[\w./:=@%$+,-]+$/.test(text)) return escaped;
  return `"${escaped.replaceAll("\\", "\\\\").replaceAll('"', String.raw`\"`)}"`;
}
