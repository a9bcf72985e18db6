// The tasks of a device as long as it can be asked: begun anew after a cut, with the log that was open.
import { useEffect, useState } from "react";
import { browserWorld } from "../platform/browser-world.ts";
import type { ShownDevice } from "../session/page-commands.ts";
import { taskAt } from "../session/place.ts";
import { usePage } from "../state/use-page.ts";
import { MachineTasks } from "./machine-tasks.ts";

/** For one device: another one is another component. */
export function useMachineTasks({ id, name }: ShownDevice, active: boolean): MachineTasks {
  const page = usePage();
  const [tasks] = useState(() => {
    const made = new MachineTasks({
      timers: browserWorld.timers,
      reach: () => page.commands.tasks({ id, name }),
      isVisible: () => document.visibilityState === "visible",
    });
    // Somebody came by a link to one of them.
    made.open(taskAt(location.pathname));
    return made;
  });
  useEffect(() => {
    if (!active) return undefined;
    tasks.begin();
    return () => tasks.end();
  }, [tasks, active]);
  return tasks;
}
