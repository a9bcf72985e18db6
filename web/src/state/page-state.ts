// Everything the page knows, in one place. Times are milliseconds since the epoch by the hub's clock
// (`clockOffsetMs` is what to add to this browser's own).
import type { MusterError } from "../../../src/protocol/errors.ts";
import type { SessionResponse } from "../../../src/protocol/hub-api.ts";
import type { FleetView } from "../../../src/protocol/views.ts";
import { NO_AUTHORITY, type Authority } from "../session/authority.ts";
import type { ClaimState } from "../claim/claim-state.ts";
import type { GrantBook } from "../grants/grant-book.ts";
import type { LoginLink } from "../session/login-link.ts";
import type { Place } from "../session/place.ts";

export type User = NonNullable<SessionResponse["user"]>;

export type Screen =
  | { at: "starting" }
  /** Plain HTTP off this machine: the browser offers no keys, so neither do we. */
  | { at: "insecure" }
  | { at: "login_link"; link: LoginLink }
  /** Not signed in, with a link that shares a device. */
  | { at: "claim" }
  | { at: "sign_in" }
  /** Another tab of this browser holds the session. */
  | { at: "elsewhere" }
  /** Signed in; `place` says what is shown. */
  | { at: "open" }
  /** Not signed in, and in the one place that does not need it. */
  | { at: "guest" }
  | { at: "broken"; problem: MusterError };

export type HubLink =
  | { at: "connecting"; since: number }
  | { at: "ready"; since: number }
  /** `since`: when the hub was last heard; null when it never was. */
  | { at: "lost"; since: number | null; retryAt: number; problem: MusterError };

export interface PageState {
  screen: Screen;
  place: Place;
  /** Of the place "machine": name or id of its device. */
  machine: string | null;
  user: User | null;
  passkeysAllowed: boolean;
  /** A device's own agent serves this page, and no hub: there is no account here. */
  servedByAgent: boolean;
  /** This hub lets browsers pair in which nobody has signed in. */
  guestsAllowed: boolean;
  hubLink: HubLink;
  /** When the hub last said anything, so that "as of" is true. */
  heardAt: number | null;
  clockOffsetMs: number;
  fleet: FleetView | null;
  /** This browser at this hub. */
  browser: { id: string; name: string } | null;
  authority: Authority;
  /** Who else uses what is offered; null while no log is known. */
  grants: GrantBook | null;
  /** A device that somebody shares by a link. */
  claim: ClaimState;
  /** Lines that changed with the last picture of the fleet. */
  moved: ReadonlySet<string>;
  /** Read out to who can't see the page. */
  said: string;
}

export function firstState(nowMs: number, at: Pick<PageState, "place" | "machine">): PageState {
  return {
    screen: { at: "starting" },
    ...at,
    user: null,
    passkeysAllowed: false,
    servedByAgent: false,
    guestsAllowed: false,
    hubLink: { at: "connecting", since: nowMs },
    heardAt: null,
    clockOffsetMs: 0,
    fleet: null,
    browser: null,
    authority: NO_AUTHORITY,
    grants: null,
    claim: { at: "none" },
    moved: new Set(),
    said: "",
  };
}
