// Who pairs, sends and receives for this home: its running agent; or, where it has joined no hub, the home itself as
// a guest of one, for as long as the command runs.
import { MusterError } from "../protocol/errors.ts";
import type { LocalCall, LocalRequest, LocalResponse } from "../protocol/local-api.ts";
import { warn, type Invocation } from "./invocation.ts";
import { agentMissing, findAgent, type LocalAgent } from "./local-api.ts";
import { joinedHub } from "./overview.ts";
import { plainLine } from "./plain-text.ts";
import type { GuestSession } from "./surroundings.ts";

export type PeerCalls = Pick<LocalAgent, "call">;

export interface GuestWish {
  hubUrl?: string;
  insecure?: boolean;
}

export async function withPeers<Result>(
  invocation: Invocation,
  use: (peers: PeerCalls) => Promise<Result>,
  wish: GuestWish = {},
): Promise<Result> {
  const search = await findAgent(invocation);
  const joined = await joinedHub(invocation);
  if (search.state === "running" || joined !== undefined) {
    if (search.state === "running") return use(search.agent);
    throw agentMissing(search);
  }
  const { surroundings, home, interrupted } = invocation;
  const session = await surroundings.openGuest({ home, stop: interrupted, ...wish });
  try {
    return await use(guestCalls(session, interrupted));
  } finally {
    for (const notice of session.notices()) warn(invocation, plainLine(notice));
    await session.close();
  }
}

function guestCalls({ calls }: GuestSession, interrupted: AbortSignal): PeerCalls {
  return {
    async call<Name extends LocalCall>(
      name: Name,
      request: LocalRequest<Name>,
    ): Promise<LocalResponse<Name>> {
      interrupted.throwIfAborted();
      if (!Object.hasOwn(calls, name)) {
        throw new MusterError("unavailable", "a guest of a hub can't do that", {
          hint: "join the hub: muster init HUB_URL",
        });
      }
      // The table ties each name to its own request and answer; the type parameter is lost on the way.
      const answer = calls[name as keyof typeof calls] as unknown as (
        request: LocalRequest<Name>,
      ) => Promise<LocalResponse<Name>>;
      const left = new Promise<never>((_, reject) => {
        interrupted.addEventListener("abort", () => reject(new Error("interrupted")), { once: true });
      });
      return Promise.race([answer(request), left]);
    },
  };
}
