// Nobody else uses anything yet: what there could be, and the one command for it.
import type { ReactNode } from "react";
import { Command } from "../parts/Command.tsx";

export function NoGrants({ mayMake, onMake }: { mayMake: boolean; onMake(): void }): ReactNode {
  return (
    <section className="next">
      <h2>Nobody else uses them</h2>
      <p>
        A key lets a program of yours ask your models, or read lists of the fleet. A grant lets another owner
        use what one device offers.
      </p>
      {mayMake ? (
        <>
          <Command>muster key create editor</Command>
          <button type="button" className="button primary" aria-keyshortcuts="a" onClick={onMake}>
            New key or grant
          </button>
        </>
      ) : (
        <p className="faint">
          Either is made by a machine that keeps your devices, and so far your written words do. Add a machine
          of yours in the fleet, and let it keep them.
        </p>
      )}
    </section>
  );
}
