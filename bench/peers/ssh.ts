// `ssh -R`: a real sshd with keys of its own on a high port of loopback.
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { plain } from "../load/target.ts";
import { freePort, pathOf, reachable, type Stage } from "../stage.ts";
import type { Peer } from "./peer.ts";

/** Where sshd locks itself up when root starts it; missing on machines that never ran it as a service. */
const EMPTY_FOLDER = "/run/sshd";

export interface SshServer {
  port: number;
  pid: number;
  user: string;
  /** Of ssh and scp, which name the port differently. */
  options(portFlag: "-p" | "-P", port?: number): string[];
}

export async function startSshServer(stage: Stage): Promise<SshServer> {
  const folder = stage.makeFolder("ssh");
  const hostKey = join(folder, "host");
  const userKey = join(folder, "user");
  for (const path of [hostKey, userKey]) {
    await stage.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path]);
  }
  if (process.getuid?.() === 0 && !existsSync(EMPTY_FOLDER)) {
    mkdirSync(EMPTY_FOLDER, { mode: 0o755 });
    stage.atEnd(() => rmSync(EMPTY_FOLDER, { recursive: true }));
  }
  const user = (await stage.run(["id", "-un"])).trim();
  const port = await freePort();
  const configuration = stage.file("sshd_config", configurationOf({ port, hostKey, userKey }));
  const { pid } = stage.start([pathOf("sshd") ?? "sshd", "-D", "-e", "-f", configuration]);
  await reachable(port);
  const unattended = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"];
  return {
    port,
    pid,
    user,
    options: (portFlag, dialled = port) => [
      "-F",
      "none",
      "-i",
      userKey,
      portFlag,
      String(dialled),
      ...unattended.flatMap((option) => ["-o", option]),
    ],
  };
}

function configurationOf({
  port,
  hostKey,
  userKey,
}: {
  port: number;
  hostKey: string;
  userKey: string;
}): string {
  return `ListenAddress 127.0.0.1
Port ${port}
HostKey ${hostKey}
PidFile none
AuthorizedKeysFile ${userKey}.pub
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
AllowTcpForwarding yes
MaxStartups 100
Subsystem sftp internal-sftp
UsePAM no
`;
}

export const ssh: Peer = {
  name: "ssh -R",
  programs: ["sshd", "ssh", "ssh-keygen"],
  async start({ stage, originPort, between }) {
    const server = await startSshServer(stage);
    const port = await freePort();
    const dialled = between === undefined ? server.port : await between(server.port);
    const client = stage.start([
      "ssh",
      "-N",
      ...server.options("-p", dialled),
      "-o",
      "ExitOnForwardFailure=yes",
      "-R",
      `127.0.0.1:${port}:127.0.0.1:${originPort}`,
      `${server.user}@127.0.0.1`,
    ]);
    await reachable(port);
    return [{ name: "ssh -R", target: plain(port), hub: [server.pid], agent: [client.pid] }];
  },
};
