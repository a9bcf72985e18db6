// Who asks to be let in, and the words that tell whether it is the machine before which one stands: what a person
// sees before deciding. Nothing is approved by default, and saying that the words are the same is its own act.
import { useState, type ReactNode } from "react";
import type { DeviceLookupResponse } from "../../../src/protocol/joining-api.ts";
import { kindWord } from "../fleet/kind-word.ts";
import { exact, until } from "../format/time.ts";
import { Problem } from "../parts/Problem.tsx";
import { useTask } from "../parts/use-task.ts";
import type { Decided } from "../session/device-calls.ts";
import { useHubNow, usePage } from "../state/use-page.ts";

export interface AskingDeviceProps {
  code: string;
  asking: DeviceLookupResponse;
  onDecided(decided: Decided): void;
  onBack(): void;
}

export function AskingDevice({ code, asking, onDecided, onBack }: AskingDeviceProps): ReactNode {
  const page = usePage();
  const task = useTask();
  const now = useHubNow();
  const [compared, setCompared] = useState(false);
  const { name, kind, platform, source, device_id, words, expires_at, can_confirm } = asking;
  const decide = (decision: "approve" | "deny"): void =>
    task.run(async () =>
      onDecided(await page.devices.decide({ user_code: code, decision, words_compared: compared })),
    );
  return (
    <section className="card">
      <h1>Let {name} into your fleet?</h1>
      <dl className="facts">
        <dt>Device</dt>
        <dd>
          {kindWord(kind)}, {platform}
        </dd>
        <dt>Asks from</dt>
        <dd className="mono">{source}</dd>
        <dt>Fingerprint</dt>
        <dd className="mono">{device_id}</dd>
        <dt>Code ends</dt>
        <dd title={exact(expires_at)}>{until(expires_at, now)}</dd>
      </dl>
      <div className="words">
        <p id="words-about">The device must show these words, in this order:</p>
        <ol aria-labelledby="words-about">
          {words.map((word, at) => (
            <li key={`${at} ${word}`}>{word}</li>
          ))}
        </ol>
      </div>
      {can_confirm ? (
        <label className="choice-option">
          <input type="checkbox" checked={compared} onChange={(event) => setCompared(event.target.checked)} />
          <span>
            I see the same words at the device
            <span className="choice-says faint">
              Then it is let in fully. Without that it may publish, and takes no command until its words are
              compared on a controller.
            </span>
          </span>
        </label>
      ) : (
        <p className="faint">
          It may publish at once, and takes no command until its words are compared on a controller as well.
        </p>
      )}
      <p className="faint">
        This page is the hub&rsquo;s word. If you did not start this yourself, just now, deny it.
      </p>
      {task.problem === null ? null : <Problem what="Nothing was decided" problem={task.problem} />}
      <div className="form-end">
        <button type="button" className="button quiet" onClick={onBack} disabled={task.busy}>
          Another code
        </button>
        <button type="button" className="button" onClick={() => decide("deny")} disabled={task.busy}>
          Deny
        </button>
        <button
          type="button"
          className="button primary"
          onClick={() => decide("approve")}
          disabled={task.busy}
        >
          Approve
        </button>
      </div>
    </section>
  );
}
