// The page of this device's own agent: made when somebody asks for it.
import { MusterError } from "../../protocol/errors.ts";
import type { AgentOptions } from "../agent-options.ts";
import { PageDesk } from "../page/page-desk.ts";
import { PageServer } from "../page/page-server.ts";
import type { Ends } from "./ends.ts";
import type { Parts } from "./open-session.ts";

export function openPage(options: AgentOptions, { core, owned }: Parts, ends: Ends): PageServer {
  const { world, crypto, log, signer, version, paths, hub: joined } = options;
  const desk = new PageDesk({
    db: core.db,
    clock: world.clock,
    hub: core.hub,
    book: owned.book,
    ownerRoot: joined.owner_root,
    deviceId: joined.device_id,
    actions: owned.actions,
  });
  const page = new PageServer({
    world,
    crypto,
    log: log.part("page"),
    version,
    hubUrl: core.hubUrl,
    device: core.device,
    deviceKey: signer.publicKey,
    desk,
    assets: options.assets ?? noAssets,
    leadFile: `${paths.home}/open.html`,
  });
  core.late.pagePort = () => page.port;
  ends.add(() => page.close());
  return page;
}

function noAssets(): Promise<never> {
  return Promise.reject(new MusterError("unavailable", "this agent was started without a page"));
}
