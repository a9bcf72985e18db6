// The link is for an owner who began on a machine, and whoever opened it has only a browser: what to run instead, and
// what to ask for.
import type { ReactNode } from "react";
import { Command } from "../parts/Command.tsx";
import { usePage, usePageState } from "../state/use-page.ts";
import type { OpenOffer } from "./claim-state.ts";

export function ForMachines({ offer: { device, by } }: { offer: OpenOffer }): ReactNode {
  const page = usePage();
  const user = usePageState((state) => state.user?.name ?? null);
  const who = by ?? "its owner";
  return (
    <>
      <p>
        {user === null ? "" : `You are signed in as ${user}, who began in a browser. `}
        This link is for a person with Muster on a machine. Run this there:
      </p>
      <Command>{`muster device claim '${page.claims.link()}'`}</Command>
      <p>If you have only a browser, ask {who} for another link, made by</p>
      <Command>{`muster device token --share ${device.name} --browser`}</Command>
      <p className="faint">
        What a page does with a browser’s key is the word of whoever keeps this hub. So {who} says link by
        link whether a browser may command {device.name}.
      </p>
    </>
  );
}
