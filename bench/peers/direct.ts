// Nothing in between: what the machine itself can do.
import { plain } from "../load/target.ts";
import type { Peer } from "./peer.ts";

export const direct: Peer = {
  name: "direct",
  programs: [],
  start: ({ originPort }) =>
    Promise.resolve([{ name: "direct", target: plain(originPort), hub: [], agent: [] }]),
};
