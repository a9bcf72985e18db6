// One service of a device on one line: how it is, its name, what speaks there, and the way to it: a link where that is
// HTTP, else the command that brings it to one's own machine.
import type { ReactNode } from "react";
import type { DeviceView } from "../../../src/protocol/views.ts";
import type { ServiceView } from "../../../src/protocol/services.ts";
import { Age } from "../parts/Age.tsx";
import { CopyButton } from "../parts/CopyButton.tsx";
import { StateMark } from "../parts/StateMark.tsx";
import { usePageState } from "../state/use-page.ts";
import { forwardCommand, wayToService } from "./service-way.ts";
import { shownService } from "./shown-state.ts";

export interface ServiceLineProps {
  service: ServiceView;
  device: Pick<DeviceView, "name" | "status">;
}

export function ServiceLine({ service, device }: ServiceLineProps): ReactNode {
  const shown = shownService(service, device.status);
  return (
    <li className="entry share service">
      <div className="line">
        <StateMark state={shown} />
        <span className="cell-name">
          <span className="line-text">{service.name}</span>
        </span>
        <span className="cell-kind faint">{service.service_type === "http" ? "service" : "tcp"}</span>
        <span className="cell-address">
          <Way service={service} device={device.name} />
        </span>
        <span className="cell-proof">
          {shown.reason === null ? (
            <span className="numbers">
              asked <Age at={service.checked_at} />
            </span>
          ) : (
            <span className="reason" title={shown.reason}>
              {shown.reason}
            </span>
          )}
        </span>
        <span className="cell-more faint numbers">port {service.local_port}</span>
      </div>
    </li>
  );
}

function Way({ service, device }: { service: ServiceView; device: string }): ReactNode {
  const servedByAgent = usePageState((state) => state.servedByAgent);
  const way = wayToService(service, servedByAgent);
  const command = forwardCommand(service, device);
  const copied = way === null ? command : (service.url ?? command);
  return (
    <>
      {way === null ? (
        <span className="mono address" title={command}>
          {command}
        </span>
      ) : (
        <a className="mono address" href={way} target="_blank" rel="noreferrer" title={service.url ?? way}>
          {copied.replace(/^https?:\/\//, "").replace(/\/$/, "")}
        </a>
      )}
      <span className="address-tools">
        <CopyButton text={copied} what={way === null ? "command" : `address of ${service.name}`} />
      </span>
    </>
  );
}
