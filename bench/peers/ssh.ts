// `ssh -R`: a real sshd with keys of its own on a high port of loopback.
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { plain } from "../load/target.ts";
import { freePort, pathOf, reachable } from "../stage.ts";
import type { Peer } from "./peer.ts";

/** Where sshd locks itself up when root starts it; missing on machines that never ran it as a service. */
const EMPTY_FOLDER = "/run/sshd";

export const ssh: Peer = {
  name: "ssh -R",
  programs: ["sshd", "ssh", "ssh-keygen"],
  async start({ stage, originPort, between }) {
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
    const sshPort = await freePort();
    const server = stage.start([
      pathOf("sshd") ?? "sshd",
      "-D",
      "-e",
      "-f",
      stage.file(
        "sshd_config",
        `ListenAddress 127.0.0.1
Port ${sshPort}
HostKey ${hostKey}
PidFile none
AuthorizedKeysFile ${userKey}.pub
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
AllowTcpForwarding yes
UsePAM no
`,
      ),
    ]);
    await reachable(sshPort);
    const port = await freePort();
    const client = stage.start([
      "ssh",
      "-N",
      "-F",
      "none",
      "-i",
      userKey,
      "-p",
      String(between === undefined ? sshPort : await between(sshPort)),
      ...["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "ExitOnForwardFailure=yes"].flatMap(
        (option) => ["-o", option],
      ),
      "-R",
      `127.0.0.1:${port}:127.0.0.1:${originPort}`,
      `${user}@127.0.0.1`,
    ]);
    await reachable(port);
    return [{ name: "ssh -R", target: plain(port), hub: [server.pid], agent: [client.pid] }];
  },
};
