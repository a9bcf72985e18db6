// The two ways to pair: enter what the other device shows, or make a code for it to enter.
import { useEffect, useRef, useState, type FormEvent, type ReactNode } from "react";
import { Command } from "../parts/Command.tsx";
import { Field } from "../parts/Field.tsx";
import { Problem } from "../parts/Problem.tsx";
import { OwnName } from "./OwnName.tsx";
import { HubsWord } from "./HubsWord.tsx";
import { readTypedCode } from "./typed-code.ts";
import { usePeers, usePeersState } from "./use-peers.ts";

export function EnterCode(): ReactNode {
  const peers = usePeers();
  const pairing = usePeersState((state) => state.pairing);
  const canPair = usePeersState(({ session }) => session.at === "ready" || session.at === "off");
  const [typed, setTyped] = useState("");
  const [asked, setAsked] = useState(false);
  const read = readTypedCode(typed, peers.isOwnHub);
  const busy = pairing.at === "running";

  // The code is spent: what is typed next is another one.
  const field = useRef<HTMLInputElement>(null);
  const isSpent = pairing.at === "failed";
  useEffect(() => {
    if (isSpent) field.current?.select();
  }, [isSpent]);

  const change = (text: string): void => {
    setTyped(text);
    setAsked(false);
    if (isSpent) peers.leavePairing();
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setAsked(true);
    if (busy || !canPair || read.is !== "whole") return;
    peers.enterCode(read.text);
  };
  const problem =
    read.is === "wrong"
      ? read.why
      : asked && read.is === "begun"
        ? "A code has six or seven characters."
        : asked && read.is === "empty"
          ? "Type the code that the other device shows."
          : undefined;

  return (
    <section className="pairing">
      <h2>Pair a device</h2>
      <p>
        Two devices exchange keys by six characters. From then on they send each other messages and files that
        the hub carries and cannot read.
      </p>
      <p>On the other device, make a code:</p>
      <Command>muster pair</Command>
      <form className="code-form" onSubmit={submit} noValidate>
        <Field label="Code of the other device" problem={problem}>
          {(ids) => (
            <input
              {...ids}
              ref={field}
              className="input code-input"
              placeholder="K7-Q2MX"
              autoComplete="off"
              autoCapitalize="characters"
              autoCorrect="off"
              spellCheck={false}
              enterKeyHint="go"
              maxLength={512}
              value={typed}
              data-code
              onChange={(event) => change(event.target.value)}
            />
          )}
        </Field>
        <button type="submit" className="button primary" disabled={busy || !canPair}>
          {busy && pairing.by === "entering" ? "Pairing…" : "Pair"}
        </button>
      </form>
      {isSpent ? <Problem what="The devices were not paired" problem={pairing.problem} /> : null}
      <div className="other-way">
        <p>Or make a code here, and enter it there.</p>
        <button type="button" className="button" disabled={busy || !canPair} onClick={() => peers.makeCode()}>
          {busy && pairing.by === "making" ? "Making a code…" : "Create pairing code"}
        </button>
      </div>
      <OwnName />
      <HubsWord />
    </section>
  );
}
