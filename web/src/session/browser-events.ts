// What the browser tells the page besides clicks: another address, a network, eyes.

export interface BrowserEvents {
  /** Only the fragment has changed: a link was opened in a tab that shows the page already. */
  fragment(fragment: string): void;
  /** Back or forward. */
  moved(): void;
  /** There is a network again. */
  online(): void;
  /** Somebody sees the page again. */
  seen(): void;
}

export function listenToBrowser(events: BrowserEvents): void {
  window.addEventListener("hashchange", () => events.fragment(location.hash));
  window.addEventListener("popstate", () => events.moved());
  window.addEventListener("online", () => events.online());
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") events.seen();
  });
}
