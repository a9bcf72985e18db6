// One tab of a browser holds the session (Web Locks). Another tab that wants it asks, and takes it over.

export interface OneTabEvents {
  held(): void;
  /** Another tab has the session, or has just taken it over. */
  taken(): void;
}

export interface OneTab {
  hold(events: OneTabEvents): void;
  /** Takes the session from the tab that has it. */
  takeOver(events: OneTabEvents): void;
}

const NAME = "muster-session";

export function oneTab(locks: LockManager): OneTab {
  let mine = false;

  const request = (options: LockOptions, events: OneTabEvents): void => {
    const keep = (lock: Lock | null): Promise<void> | undefined => {
      if (lock === null) {
        events.taken();
        return undefined;
      }
      mine = true;
      events.held();
      // Never resolves: the lock ends with the tab, or is stolen, which rejects the request below.
      return new Promise(() => {});
    };
    locks.request(NAME, options, keep).catch(() => {
      mine = false;
      events.taken();
    });
  };

  return {
    // A tab that signs out and in again still has its lock.
    hold: (events) => (mine ? events.held() : request({ ifAvailable: true }, events)),
    takeOver: (events) => request({ steal: true }, events),
  };
}
