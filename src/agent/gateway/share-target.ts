// What the gateway must know of a share to serve it, and of a request to answer it.

import type { Field } from "../../http1/field.ts";
import type { RequestHead } from "../../http1/request-head.ts";
import type { Open } from "../../protocol/open.ts";
import type { ShareAccess } from "../../protocol/views.ts";
import type { Asker } from "./reply.ts";

interface ShareBasics {
  readonly id: string;
  readonly name: string;
  readonly access: ShareAccess;
  /** argon2id; null unless access is by password. */
  readonly passwordVerifier: string | null;
  /** Counts up with each new password or change of access: ends the cookies of the former. */
  readonly passwordVersion: number;
  /** A person chose the word, so it may be guessable: the share as a whole is locked out too. */
  readonly chosenPassword: boolean;
  /** 32 bytes. */
  readonly proofKey: Uint8Array;
  /** Plain HTTP off this machine was accepted for this share. */
  readonly insecure: boolean;
  /** Other origins whose pages may call it, as browsers write them: `https://host[:port]`. */
  readonly allowOrigins: readonly string[];
  /** Milliseconds since the epoch. */
  readonly expiresAt: number | null;
}

export interface PageTarget extends ShareBasics {
  readonly kind: "page";
  /** Folder or file, absolute. */
  readonly path: string;
  /** Navigations to nothing get the root's index.html. */
  readonly spa: boolean;
}

export interface AppTarget extends ShareBasics {
  readonly kind: "app";
  readonly port: number;
  /** The device runs it by a command of the share; otherwise somebody else does. */
  readonly hasCommand: boolean;
  /** The app sees `localhost:PORT` as its host. */
  readonly rewriteHost: boolean;
}

export type ShareTarget = PageTarget | AppTarget;

/** One request on its way to one share. What `open` says comes from the hub, never from a header. */
export interface ShareRequest<Target extends ShareTarget = ShareTarget> {
  readonly share: Target;
  readonly head: RequestHead;
  readonly open: Open;
}

/** Who is to be told of a refusal, and how. */
export function askerOf({ head, open }: ShareRequest): Asker {
  return { requestId: open.requestId, accept: firstValue(head.fields, "accept") };
}

/** The value of the first field of that name. */
export function firstValue(fields: readonly Field[], lower: string): string | undefined {
  for (const each of fields) if (each.lower === lower) return each.value;
  return undefined;
}

/** Whether a person's browser goes to a page, as opposed to a page's script or picture asking for something. */
export function isNavigation(head: RequestHead): boolean {
  const mode = firstValue(head.fields, "sec-fetch-mode");
  if (mode !== undefined) return mode === "navigate";
  return firstValue(head.fields, "accept")?.includes("text/html") ?? false;
}
