// One thing that a device does for the others on one line, where not every device does it: how it stands, its name,
// its models.
import type { ReactNode } from "react";
import type { CapabilityOffer } from "../../../src/protocol/capabilities.ts";
import type { DeviceView } from "../../../src/protocol/views.ts";
import { StateMark } from "../parts/StateMark.tsx";
import { shownCapability } from "./shown-state.ts";

export interface CapabilityLineProps {
  capability: CapabilityOffer;
  device: Pick<DeviceView, "status">;
}

export function CapabilityLine({ capability, device }: CapabilityLineProps): ReactNode {
  const { protocol, version, models = [] } = capability;
  const shown = shownCapability(device.status);
  const names = models.join(", ");
  return (
    <li className="entry share service">
      <div className="line">
        <StateMark state={shown} />
        <span className="cell-name">
          <span className="line-text">{protocol}</span>
        </span>
        <span className="cell-kind faint">capability</span>
        <span className="cell-address">
          <span className="mono address faint" title={names}>
            {names}
          </span>
        </span>
        <span className="cell-proof">
          {shown.reason === null ? null : <span className="reason">{shown.reason}</span>}
        </span>
        <span className="cell-more faint numbers">version {version}</span>
      </div>
    </li>
  );
}
