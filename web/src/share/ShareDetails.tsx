// Everything about one share, and what can be done with it from here.
import { useState, type ReactNode } from "react";
import type { ShareView } from "../../../src/protocol/views.ts";
import { exact, until } from "../format/time.ts";
import { latency } from "../format/size.ts";
import { shortId } from "../format/short-id.ts";
import { Age } from "../parts/Age.tsx";
import { Command } from "../parts/Command.tsx";
import { CopyButton } from "../parts/CopyButton.tsx";
import { Problem } from "../parts/Problem.tsx";
import { MarkShape } from "../parts/StateMark.tsx";
import { useTask } from "../parts/use-task.ts";
import { useHubNow, usePage } from "../state/use-page.ts";
import { ACCESS } from "./access.ts";
import { RemoveShare } from "./RemoveShare.tsx";

export interface ShareDetailsProps {
  share: ShareView;
  /** Whether this page may order the share's machine; else the command to run there is shown. */
  mayCommand: boolean;
}

export function ShareDetails({ share, mayCommand }: ShareDetailsProps): ReactNode {
  const now = useHubNow();
  const { proof } = share;
  return (
    <div className="details">
      <dl className="facts">
        {share.description === null ? null : <Fact name="About">{share.description}</Fact>}
        <Fact name="Proof">
          {proof.state}
          {proof.latency_ms === null ? "" : ` · ${latency(proof.latency_ms)}`} · {exact(proof.checked_at)} (
          <Age at={proof.checked_at} />)
          {proof.reason === null ? null : <p className="reason">{proof.reason}</p>}
        </Fact>
        <Fact name="Access">{ACCESS[share.access].says}</Fact>
        <Fact name="Expires">
          {share.expires_at === null
            ? "never"
            : `${until(share.expires_at, now)} · ${exact(share.expires_at)}`}
        </Fact>
        {share.links.map((link) => (
          <Fact key={`${link.kind} ${link.url}`} name={`Link: ${link.kind}`}>
            <MarkShape mark={link.state} /> {link.state}
            {link.url === share.url ? null : <span className="mono"> · {link.url}</span>}
          </Fact>
        ))}
        {share.stable ? null : <Fact name="Address">temporary: it changes when the tunnel does</Fact>}
        <Fact name="Added">
          {exact(share.created_at)} (<Age at={share.created_at} />)
        </Fact>
        <Fact name="Id">
          <CopyButton className="button quiet mono" text={share.id} what="id" label={shortId(share.id)} />
        </Fact>
      </dl>
      {mayCommand ? <ShareActions share={share} /> : <RemoteActions share={share} />}
    </div>
  );
}

export function Fact({ name, children }: { name: string; children: ReactNode }): ReactNode {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

function ShareActions({ share }: { share: ShareView }): ReactNode {
  const page = usePage();
  const task = useTask();
  const [removing, setRemoving] = useState(false);
  const stops = share.state === "running" || share.state === "waiting";
  const toggle = (): void =>
    task.run(async () => {
      await page.order(stops ? "app.stop" : "app.start", { share: share.id });
    });
  return (
    <div className="actions">
      {share.kind === "app" ? (
        <button type="button" className="button" onClick={toggle} disabled={task.busy}>
          {stops ? (task.busy ? "Stopping…" : "Stop") : task.busy ? "Starting…" : "Start"}
        </button>
      ) : null}
      <button type="button" className="button danger" onClick={() => setRemoving(true)}>
        Remove…
      </button>
      {task.problem === null ? null : (
        <Problem what={`${share.name} was not ${stops ? "stopped" : "started"}`} problem={task.problem} />
      )}
      {removing ? <RemoveShare share={share} onClose={() => setRemoving(false)} /> : null}
    </div>
  );
}

function RemoteActions({ share }: { share: ShareView }): ReactNode {
  return (
    <p className="faint actions">
      To remove it, run on {share.device_name}: <Command>{`muster rm ${share.name}`}</Command>
    </p>
  );
}
