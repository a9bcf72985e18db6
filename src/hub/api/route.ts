// One route of the hub's API as a row of data, and the call that its handler gets. What a route may be used
// for stands in the authorization table under the same name; a handler asks `allow` before it touches anything.
import type { z } from "zod";
import type { Actor } from "../../protocol/actors.ts";
import type { Action, ResourceFor } from "../../protocol/permissions.ts";
import type { RequestFacts } from "./ports.ts";

export interface Route<A extends Action = Action> {
  method: "GET" | "POST" | "DELETE";
  path: string;
  /** Of the row in the authorization table. */
  action: A;
  /** "page": only where the page is, since it reads or sets the cookie. "hub": on every host of the hub. */
  at: "page" | "hub";
  /** Its refusals are read by a person in a browser. */
  html?: true;
  /** Links from elsewhere may lead here. */
  fromAnywhere?: true;
  /** 64 KiB where it is absent. */
  bodyMaxBytes?: number;
  answer(call: Call<A>): Response | Promise<Response>;
}

export interface Call<A extends Action = Action> {
  readonly request: Request;
  readonly url: URL;
  readonly facts: RequestFacts;
  readonly actor: Actor;
  /** The resource, if this actor may; else throws what is answered. Undefined is what is not there. */
  allow<R extends ResourceFor<A>>(resource: R | undefined): R;
  /** The body, checked. Throws `bad_request`, `too_large`, without a word of what was sent. */
  json<Shape extends z.ZodType>(shape: Shape): Promise<z.infer<Shape>>;
}

/** Ties a handler to its action and that action's kind of resource, where routes of all kinds make one list. */
export function route<A extends Action>(row: Route<A>): Route {
  return row;
}
