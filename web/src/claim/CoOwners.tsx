// With whom a device is shared, for its own owner. Ending that takes the scope admin, which no browser has: the page
// shows the command.
import { useState, type ReactNode } from "react";
import type { DeviceView } from "../../../src/protocol/views.ts";
import { Command } from "../parts/Command.tsx";
import { unshareCommand } from "./unshare-command.ts";

type CoOwner = NonNullable<DeviceView["co_owners"]>[number];

export function CoOwners({ device, coOwners }: { device: DeviceView; coOwners: CoOwner[] }): ReactNode {
  return (
    <ul className="co-owners">
      {coOwners.map((one) => (
        <OneOwner key={one.owner} one={one} command={unshareCommand(device.name, one, coOwners)} />
      ))}
    </ul>
  );
}

function OneOwner({ one, command }: { one: CoOwner; command: string }): ReactNode {
  const [shown, setShown] = useState(false);
  return (
    <li>
      {one.name}
      {one.holds ? null : <span className="faint"> has let it go, and may take it again</span>}{" "}
      <button type="button" className="button" aria-expanded={shown} onClick={() => setShown(!shown)}>
        Remove…
      </button>
      {shown ? (
        <span className="co-owner-command">
          <span className="faint">
            Takes effect within a second, on what is open too. Run on a controller with admin:
          </span>
          <Command>{command}</Command>
        </span>
      ) : null}
    </li>
  );
}
