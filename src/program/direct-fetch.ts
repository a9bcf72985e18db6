// One HTTP request of the CLI: to the local API of this home, and to the hub of this machine. Neither goes
// through a proxy, whatever the environment says.
import { httpFetch } from "../world/http-fetch.ts";

export function directFetch(url: string, init: RequestInit = {}): Promise<Response> {
  return httpFetch(url, init);
}
