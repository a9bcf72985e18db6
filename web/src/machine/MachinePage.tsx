// One device: how it is, what it runs, and a terminal of it.
import type { ReactNode } from "react";
import type { DeviceView } from "../../../src/protocol/views.ts";
import { healthParts } from "../format/size.ts";
import { ConnectionNote } from "../fleet/ConnectionNote.tsx";
import { kindWord } from "../fleet/kind-word.ts";
import { shownDevice } from "../fleet/shown-state.ts";
import { BackToFleet } from "../parts/BackToFleet.tsx";
import { StateMark } from "../parts/StateMark.tsx";
import { Terminal } from "../terminal/Terminal.tsx";
import { usePageState } from "../state/use-page.ts";
import { Tasks } from "./Tasks.tsx";
import { useMayCommand, WhyNot } from "./WhyNot.tsx";

export function MachinePage(): ReactNode {
  const fleet = usePageState((state) => state.fleet);
  const wanted = usePageState((state) => state.machine);
  const device = fleet?.devices.find(({ id, name }) => name === wanted || id === wanted);
  return (
    <>
      <ConnectionNote />
      {fleet === null ? (
        <p className="waiting faint">Waiting for the hub's first word…</p>
      ) : device === undefined ? (
        <Missing name={wanted ?? ""} />
      ) : (
        <Machine key={device.id} device={device} />
      )}
    </>
  );
}

function Machine({ device }: { device: DeviceView }): ReactNode {
  const mayCommand = useMayCommand();
  const isReady = usePageState((state) => state.hubLink.at === "ready");
  const takes = mayCommand && device.confirmed !== false;
  const active = takes && isReady && device.status === "online";
  const { health } = device;
  return (
    <div className="machine" data-stale={!isReady}>
      <header className="summary">
        <BackToFleet />
        <h1>{device.name}</h1>
        <p className="machine-facts faint">
          <StateMark state={shownDevice(device)} />
          <span>
            {kindWord(device.kind)}, {device.platform}
          </span>
          {health === null || device.status !== "online" ? null : (
            <span className="numbers">{healthParts(health).join(" · ")}</span>
          )}
        </p>
      </header>
      <WhyNot device={device} />
      {takes ? (
        <>
          <Terminal device={device} active={active} />
          <Tasks device={device} active={active} />
        </>
      ) : null}
    </div>
  );
}

function Missing({ name }: { name: string }): ReactNode {
  return (
    <header className="summary">
      <BackToFleet />
      <h1>There is no device {name}</h1>
      <p className="faint">It may have another name by now, or have left.</p>
    </header>
  );
}
