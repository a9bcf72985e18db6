// What stands below a path of the hub's own hosts shares their origin with all else there.

/** Fields by which a response acts on its whole origin, in lower case. */
export const NOT_FOR_THE_ORIGIN: ReadonlySet<string> = new Set([
  "set-cookie",
  "set-cookie2",
  "clear-site-data",
  "strict-transport-security",
  "alt-svc",
  "nel",
  "report-to",
  "service-worker-allowed",
  "x-content-type-options",
]);
