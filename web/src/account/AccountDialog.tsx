// Who is signed in, as which browser, how to come back, and the way out.
import type { ReactNode } from "react";
import { exact } from "../format/time.ts";
import { shortId } from "../format/short-id.ts";
import { OwnerId, useOwnerId } from "../grants/OwnerId.tsx";
import { CopyButton } from "../parts/CopyButton.tsx";
import { Dialog } from "../parts/Dialog.tsx";
import { Problem } from "../parts/Problem.tsx";
import { useTask } from "../parts/use-task.ts";
import { Fact } from "../share/ShareDetails.tsx";
import { usePage, usePageState } from "../state/use-page.ts";
import { PasswordForm } from "./PasswordForm.tsx";

export function AccountDialog({ onClose }: { onClose(): void }): ReactNode {
  const page = usePage();
  const leaving = useTask();
  const user = usePageState((state) => state.user);
  const browser = usePageState((state) => state.browser);
  const ownerId = useOwnerId();
  if (user === null) return null;
  const showGrants = (): void => {
    page.go("grants");
    onClose();
  };
  return (
    <Dialog title={user.name} onClose={onClose}>
      <dl className="facts">
        {browser === null ? null : (
          <Fact name="This browser">
            {browser.name} ·{" "}
            <CopyButton
              className="button quiet mono"
              text={browser.id}
              what="id"
              label={shortId(browser.id)}
            />
          </Fact>
        )}
        <Fact name="May">
          <Rights />
        </Fact>
        <Fact name="Passkeys">
          {user.passkeys} <AddPasskey />
        </Fact>
      </dl>
      {ownerId === null ? null : (
        <section className="own-id">
          <h3>Owner id</h3>
          <OwnerId id={ownerId} />
          <p>
            <button type="button" className="link" onClick={showGrants}>
              Keys and grants
            </button>
          </p>
        </section>
      )}
      <h3>{user.has_password ? "Change the password" : "Set a password"}</h3>
      <PasswordForm user={user} />
      {leaving.problem === null ? null : <Problem what="You were not signed out" problem={leaving.problem} />}
      <div className="form-end split">
        <button
          type="button"
          className="button"
          disabled={leaving.busy}
          onClick={() => leaving.run(page.signOut)}
        >
          Sign out
        </button>
      </div>
    </Dialog>
  );
}

function Rights(): ReactNode {
  const { command, untilMs } = usePageState((state) => state.authority);
  switch (command) {
    case "may":
      return untilMs === null
        ? "look and command"
        : `look, and command until ${exact(new Date(untilMs).toISOString())}`;
    case "ended":
      return "look; its time to command is over";
    case "never":
      return "look";
    case "unknown":
      return "look; the owner log has not come yet";
  }
}

function AddPasskey(): ReactNode {
  const page = usePage();
  const task = useTask();
  const allowed = usePageState((state) => state.passkeysAllowed);
  if (!allowed) return <span className="faint">(not at this address)</span>;
  return (
    <>
      <button type="button" className="button" disabled={task.busy} onClick={() => task.run(page.addPasskey)}>
        Add a passkey
      </button>
      {task.problem === null ? null : <Problem what="No passkey was added" problem={task.problem} />}
    </>
  );
}
