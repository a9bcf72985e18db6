// The device is theirs to command. What an owner log began with is shown here, once: the words, and the way back.
import { useEffect, type ReactNode } from "react";
import { CopyButton } from "../parts/CopyButton.tsx";
import { Problem } from "../parts/Problem.tsx";
import { usePage, usePageState } from "../state/use-page.ts";
import type { Taken } from "./claim-state.ts";

export function TakenScreen({ taken }: { taken: Taken }): ReactNode {
  const page = usePage();
  const { device, words, passkey } = taken;
  const user = usePageState((state) => state.user?.name ?? null);
  return (
    <section className="card claim">
      <h1>{device.name} is yours to command</h1>
      {user === null ? null : (
        <p>
          Beside its owner, as <b>{user}</b>.
        </p>
      )}
      {words === null ? null : <KeptWords words={words} />}
      <PasskeyLine passkey={passkey} />
      <div className="form-end">
        <button
          type="button"
          className="button primary"
          onClick={page.claims.done}
          autoFocus={words === null}
        >
          {words === null ? `Show ${device.name}` : "I have written them down"}
        </button>
      </div>
    </section>
  );
}

function KeptWords({ words }: { words: readonly string[] }): ReactNode {
  useEffect(() => {
    // A reload by mistake would lose them for good.
    const ask = (event: BeforeUnloadEvent): void => event.preventDefault();
    window.addEventListener("beforeunload", ask);
    return () => window.removeEventListener("beforeunload", ask);
  }, []);
  return (
    <>
      <h2>Write these 24 words down</h2>
      <p>
        They let another browser command, and this one again after 30 days. They are shown once and kept
        nowhere: without them somebody has to share the device with you again. Whoever has them is you.
      </p>
      <ol className="kept-words" aria-label="24 words">
        {words.map((word, at) => (
          // A word may come twice, and its place counts.
          // oxlint-disable-next-line react/no-array-index-key
          <li key={at}>{word}</li>
        ))}
      </ol>
      <p className="kept-words-copy">
        <CopyButton className="button" text={words.join(" ")} what="24 words" label="Copy them" />
      </p>
    </>
  );
}

function PasskeyLine({ passkey }: Pick<Taken, "passkey">): ReactNode {
  const page = usePage();
  if (passkey === "none") return null;
  if (passkey === "asked") return <p role="status">Your browser asks for a passkey…</p>;
  if (passkey === "added") return <p role="status">Your passkey is kept: you come back with it.</p>;
  return (
    <Problem what="No passkey was made" problem={passkey.problem}>
      <p>Without one, or a password, nobody gets into your account again once you are signed out.</p>
      <button type="button" className="button" onClick={() => void page.claims.addPasskey()}>
        Try again
      </button>
    </Problem>
  );
}
