// Which grants hold on one device, in its details. Keys of programs hold everywhere and are not told for each.
import type { ReactNode } from "react";
import type { DeviceView } from "../../../src/protocol/views.ts";
import { Fact } from "../share/ShareDetails.tsx";
import { useHubNow, usePage, usePageState } from "../state/use-page.ts";
import { isOver } from "./grant-book.ts";

export function LentTo({ device }: { device: DeviceView }): ReactNode {
  const page = usePage();
  const now = useHubNow();
  const book = usePageState((state) => state.grants);
  const holding = book?.items.filter(
    (grant) => !isOver(grant, now) && grant.devices?.some(({ id }) => id === device.id) === true,
  );
  if (holding === undefined || holding.length === 0) return null;
  return (
    <Fact name="Lent to">
      {holding.map(({ name }) => name).join(", ")}{" "}
      <button type="button" className="link" onClick={() => page.go("grants")}>
        Keys and grants
      </button>
    </Fact>
  );
}
