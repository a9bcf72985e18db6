// Everything the hub knows of one device.
import type { ReactNode } from "react";
import type { DeviceView, MachineHealth } from "../../../src/protocol/views.ts";
import { CoOwners } from "../claim/CoOwners.tsx";
import { LetGo } from "../claim/LetGo.tsx";
import { TrustMachine } from "../claim/OwnMachine.tsx";
import { LentTo } from "../grants/LentTo.tsx";
import { percent, size } from "../format/size.ts";
import { shortId } from "../format/short-id.ts";
import { exact, span } from "../format/time.ts";
import { Age } from "../parts/Age.tsx";
import { Command } from "../parts/Command.tsx";
import { CopyButton } from "../parts/CopyButton.tsx";
import { MachineLink } from "../machine/MachineLink.tsx";
import { Fact } from "../share/ShareDetails.tsx";
import { kindWord } from "./kind-word.ts";
import { usePageState } from "../state/use-page.ts";

export function DeviceDetails({ device, runsHub }: { device: DeviceView; runsHub: boolean }): ReactNode {
  const servedByAgent = usePageState((state) => state.servedByAgent);
  const keptByWords = usePageState((state) => state.authority.keptByWords);
  const { capabilities = [], co_owners: coOwners = [], shared = false } = device;
  return (
    <div className="details">
      <dl className="facts">
        <Fact name={device.status === "online" ? "Online since" : "Last seen"}>
          <When at={device.status === "online" ? device.since : device.last_seen} />
        </Fact>
        {device.health === null ? null : <Health health={device.health} />}
        <Fact name="Machine">
          {kindWord(device.kind)}, {device.platform}
          {device.location === null ? "" : `, ${device.location}`}
        </Fact>
        <Fact name="Agent">{device.agent_version ?? "unknown"}</Fact>
        {device.hostname === null ? null : (
          <Fact name="Address">
            <span className="mono">{device.hostname}</span>
            <CopyButton text={device.hostname} what={`address of ${device.name}`} />
          </Fact>
        )}
        <Fact name="Role">
          {roleWords(device)}
          {runsHub ? (servedByAgent ? "; serves this page" : "; runs this hub") : ""}
        </Fact>
        {coOwners.length === 0 ? null : (
          <Fact name="Shared with">
            <CoOwners device={device} coOwners={coOwners} />
          </Fact>
        )}
        {shared ? null : <LentTo device={device} />}
        {capabilities.length === 0 ? null : (
          <Fact name="Offers">
            <ul className="offers">
              {capabilities.map(({ protocol, version, models = [] }) => (
                <li key={protocol}>
                  <span className="mono">{protocol}</span> <span className="faint">{version}</span>
                  {models.length === 0 ? null : <span className="faint">: {models.join(", ")}</span>}
                </li>
              ))}
            </ul>
          </Fact>
        )}
        <Fact name="Id">
          <CopyButton className="button quiet mono" text={device.id} what="id" label={shortId(device.id)} />
        </Fact>
      </dl>
      {servedByAgent ? null : (
        <p className="actions">
          <MachineLink name={device.name} className="button">
            Tasks and terminal
          </MachineLink>
        </p>
      )}
      {shared ? <LetGo device={device} /> : null}
      {keptByWords && !shared && device.confirmed !== false ? <TrustMachine device={device} /> : null}
      {runsHub || shared ? null : (
        <p className="faint actions">
          To share something of it, run on {device.name}: <Command>muster add PATH</Command>
        </p>
      )}
    </div>
  );
}

function roleWords({ shared = false, controller }: DeviceView): string {
  if (shared) return "another owner’s, who shares it with you: you command it";
  return controller ? "controller: may command this owner's devices" : "member: commands nothing";
}

function When({ at }: { at: string | null }): ReactNode {
  if (at === null) return "unknown";
  return (
    <>
      {exact(at)} (<Age at={at} />)
    </>
  );
}

function Health({ health }: { health: MachineHealth }): ReactNode {
  const diskUsed = health.disk_total - health.disk_free;
  return (
    <>
      <Fact name="Load">
        {health.load_1m.toFixed(2)} over 1 min, {health.cpus} {health.cpus === 1 ? "core" : "cores"}
        <Meter part={health.load_1m} whole={health.cpus} />
      </Fact>
      <Fact name="Memory">
        {size(health.memory_used)} of {size(health.memory_total)}
        <Meter part={health.memory_used} whole={health.memory_total} />
      </Fact>
      <Fact name="Disk">
        {size(health.disk_free)} free of {size(health.disk_total)}
        <Meter part={diskUsed} whole={health.disk_total} />
      </Fact>
      <Fact name="Up">{span(health.uptime_s * 1000)}</Fact>
    </>
  );
}

/** The number beside it says the same; the bar is for the eye alone. */
function Meter({ part, whole }: { part: number; whole: number }): ReactNode {
  return (
    <span className="meter" aria-hidden="true">
      <span style={{ inlineSize: `${Math.min(100, percent(part, whole))}%` }} />
    </span>
  );
}
