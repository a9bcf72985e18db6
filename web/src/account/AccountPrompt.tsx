// A quiet word for who came by a link alone: without a password or passkey the next browser needs another link.
import { useState, type ReactNode } from "react";
import { usePageState } from "../state/use-page.ts";
import { AccountDialog } from "./AccountDialog.tsx";

export function AccountPrompt(): ReactNode {
  const user = usePageState((state) => state.user);
  // A device's own page has no account: each visit begins at the machine itself.
  const servedByAgent = usePageState((state) => state.servedByAgent);
  const passkeys = usePageState((state) => state.passkeysAllowed);
  const [open, setOpen] = useState(false);
  const [dismissed, setDismissed] = useState(false);
  if (open) return <AccountDialog onClose={() => setOpen(false)} />;
  if (dismissed || servedByAgent || user === null || user.has_password || user.passkeys > 0) return null;
  return (
    <p className="prompt">
      <span>You signed in by a link. Set a way to come back without one.</span>
      <button type="button" className="button" onClick={() => setOpen(true)}>
        {passkeys ? "Password or passkey" : "Set a password"}
      </button>
      <button type="button" className="button quiet" onClick={() => setDismissed(true)}>
        Not now
      </button>
    </p>
  );
}
