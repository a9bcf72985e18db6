// Where a click on a service leads, and what to type where no click can.
import type { ServiceView } from "../../../src/protocol/services.ts";

/** By the hub's own door, which asks no second time; null for a service that no browser opens. */
export function wayToService(service: Pick<ServiceView, "url">, servedByAgent: boolean): string | null {
  const { url } = service;
  if (typeof url !== "string" || !URL.canParse(url)) return null;
  // A page that a device serves has no such door.
  if (servedByAgent) return url;
  return `/access?${new URLSearchParams({ to: new URL(url).host }).toString()}`;
}

/** What is not HTTP keeps the port that its programs know; HTTP gets any free one. */
export function forwardCommand(
  { name, service_type, local_port }: Pick<ServiceView, "name" | "service_type" | "local_port">,
  device: string,
): string {
  const port = service_type === "tcp" && local_port >= 1024 ? ` ${local_port}` : "";
  return `muster forward ${device}/${name}${port}`;
}
