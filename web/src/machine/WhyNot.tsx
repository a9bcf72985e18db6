// Why this page only looks at a device, and what changes that. Nothing where it may command it now.
import type { ReactNode } from "react";
import type { DeviceView } from "../../../src/protocol/views.ts";
import { WhyNotCommand } from "../fleet/NextStep.tsx";
import { Age } from "../parts/Age.tsx";
import { Command } from "../parts/Command.tsx";
import { usePageState } from "../state/use-page.ts";

/** Whether this page commands devices at all; whether each is there is another matter. */
export function useMayCommand(): boolean {
  const servedByAgent = usePageState((state) => state.servedByAgent);
  return usePageState((state) => state.authority.command === "may") && !servedByAgent;
}

export function WhyNot({ device }: { device: DeviceView }): ReactNode {
  const mayCommand = useMayCommand();
  const servedByAgent = usePageState((state) => state.servedByAgent);
  if (servedByAgent) {
    return (
      <p className="why faint">
        This page comes from a device, which gives no tasks and terminals to browsers. Use the hub’s page, or
        a terminal here: <Command>{`muster shell ${device.name}`}</Command>
      </p>
    );
  }
  if (!mayCommand) return <WhyNotCommand />;
  if (device.confirmed === false) {
    return (
      <p className="why faint">
        {device.name} is in no owner log yet, and takes no commands. To let it in, run on a controller:{" "}
        <Command>{`muster device approve ${device.name}`}</Command>
      </p>
    );
  }
  if (device.status === "online") return null;
  return (
    <p className="why faint">
      {device.name} is {device.status}
      {device.last_seen === null ? null : (
        <>
          , seen <Age at={device.last_seen} />
        </>
      )}
      . The command line keeps a command for it until it is back:{" "}
      <Command>{`muster run --device ${device.name} -- COMMAND`}</Command>
    </p>
  );
}
