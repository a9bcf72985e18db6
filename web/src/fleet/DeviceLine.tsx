// One device on one line, its details when opened, and its shares and services under it.
import { useState, type ReactNode } from "react";
import { specialCapabilities } from "../../../src/protocol/special-capabilities.ts";
import type { DeviceView } from "../../../src/protocol/views.ts";
import { healthParts, latency } from "../format/size.ts";
import { Age } from "../parts/Age.tsx";
import { StateMark } from "../parts/StateMark.tsx";
import { usePageState } from "../state/use-page.ts";
import type { Group } from "./arrange.ts";
import { CapabilityLine } from "./CapabilityLine.tsx";
import { DeviceDetails } from "./DeviceDetails.tsx";
import { kindWord } from "./kind-word.ts";
import { LineName, toggleUnlessControl } from "./LineName.tsx";
import { ServiceLine } from "./ServiceLine.tsx";
import { ShareLine } from "./ShareLine.tsx";
import { shownDevice } from "./shown-state.ts";

export function DeviceLine({ group: { device, shares } }: { group: Group }): ReactNode {
  const services = (device.services ?? []).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const special = specialCapabilities(device.capabilities);
  const [open, setOpen] = useState(false);
  const moved = usePageState((state) => state.moved.has(device.id));
  const runsHub = usePageState((state) => state.authority.hubDevice?.id === device.id);
  const mayCommand = usePageState((state) => state.authority.command === "may") && runsHub;
  const servedByAgent = usePageState((state) => state.servedByAgent);
  const toggle = (): void => setOpen(!open);
  return (
    <li id={device.id} className="entry device" data-moved={moved} data-open={open}>
      <div className="line" onClick={(event) => toggleUnlessControl(event, toggle)}>
        <StateMark state={shownDevice(device)} />
        <LineName name={device.name} open={open} onToggle={toggle}>
          {runsHub ? <span className="tag">{servedByAgent ? "here" : "hub"}</span> : null}
          {device.shared === true ? <span className="tag">shared</span> : null}
          {device.confirmed === false ? <span className="tag">unconfirmed</span> : null}
        </LineName>
        <span className="cell-kind faint">{kindWord(device.kind)}</span>
        <span className="cell-address faint mono">{device.hostname ?? device.platform}</span>
        <span className="cell-proof">
          <Heard device={device} />
        </span>
        <span className="cell-more faint numbers">
          {device.health === null || device.status !== "online" ? "" : healthParts(device.health).join(" · ")}
        </span>
      </div>
      {open ? <DeviceDetails device={device} runsHub={runsHub} /> : null}
      {shares.length + services.length + special.length === 0 ? null : (
        <ul className="shares" aria-label={`Shares, services and capabilities of ${device.name}`}>
          {shares.map((share) => (
            <ShareLine key={share.id} share={share} mayCommand={mayCommand} shared={device.shared === true} />
          ))}
          {services.map((service) => (
            <ServiceLine key={service.name} service={service} device={device} />
          ))}
          {special.map((capability) => (
            <CapabilityLine
              key={`${capability.protocol} ${capability.version}`}
              capability={capability}
              device={device}
            />
          ))}
        </ul>
      )}
    </li>
  );
}

function Heard({ device }: { device: DeviceView }): ReactNode {
  const heardAt = usePageState((state) => state.heardAt);
  if (device.status !== "online") {
    return (
      <span className="faint numbers">
        {device.last_seen === null ? (
          "never seen"
        ) : (
          <>
            seen <Age at={device.last_seen} />
          </>
        )}
      </span>
    );
  }
  if (device.latency_ms === null || heardAt === null) return <span className="faint">not measured yet</span>;
  return (
    <span className="numbers">
      {latency(device.latency_ms)}, <Age at={new Date(heardAt).toISOString()} />
    </span>
  );
}
