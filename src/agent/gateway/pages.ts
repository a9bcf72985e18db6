// A page share: a folder or a file, as it is on the disk at this moment. Nothing is kept in memory between
// requests, so what a visitor gets is never older than the disk.

import { field } from "../../http1/field.ts";
import type { Field } from "../../http1/field.ts";
import type { OpenFile } from "../../world/world.ts";
import { NO_SNIFF, pageReply, problemReply, redirectReply, type Reply } from "./reply.ts";
import { httpDateText, wantedPart, type Representation } from "./conditional.ts";
import {
  acceptedCodings,
  COMPRESS_MIN_BYTES,
  LIVE_CODINGS,
  SIBLINGS,
  type Coding,
} from "./content-coding.ts";
import { compressedFileBody, fileBody } from "./file-body.ts";
import { listingPage } from "./listing.ts";
import { isCompressible, mimeTypeOf } from "./mime-types.ts";
import {
  findPage,
  listFolder,
  openRoot,
  type FoundPage,
  type PageDisk,
  type PageRoot,
} from "./page-files.ts";
import { isHiddenName, readPagePath } from "./page-path.ts";
import { askerOf, firstValue, isNavigation, type PageTarget, type ShareRequest } from "./share-target.ts";

type PageRequest = ShareRequest<PageTarget>;

const ALLOW = field("Allow", "GET, HEAD, OPTIONS");
const ACCEPT_RANGES = field("Accept-Ranges", "bytes");
const VARY = field("Vary", "Accept-Encoding");
// Live as files change: kept by browsers, asked about each time. What needs a password stays out of caches
// that others share.
const CACHE_PUBLIC = field("Cache-Control", "no-cache");
const CACHE_PRIVATE = field("Cache-Control", "private, no-cache");

export async function answerPage(request: PageRequest, disk: PageDisk): Promise<Reply> {
  const { share, head } = request;
  if (head.method === "OPTIONS") return { status: 204, fields: [ALLOW], body: { kind: "none" } };
  if (head.method !== "GET" && head.method !== "HEAD") return wrongMethod(request);
  const path = readPagePath(head.target);
  if (path.kind === "refused" && path.status === 400) return badPath(request);
  const root = await openRoot(disk, share.path);
  if (root === undefined) return pageGone(request);
  if (path.kind === "refused") return nothingHere(request, disk, root);
  if (root.kind === "file") return answerSingleFile(request, disk, { root, names: path.names });
  const found = await findPage(disk, root, path.names);
  if (found.kind === "missing") return fallBack(request, disk, root);
  if (found.kind === "file") {
    if (!path.folder) return answerFile(request, disk, { root, names: path.names, file: found.file });
    await found.file.close();
    return fallBack(request, disk, root);
  }
  if (!path.folder && path.names.length > 0) return intoFolder(head.target, path.names);
  return answerFolder(request, disk, { root, names: path.names, folderPath: found.path });
}

/** Where in the share we are. */
interface Place {
  root: PageRoot;
  names: readonly string[];
}

async function answerFolder(
  request: PageRequest,
  disk: PageDisk,
  place: Place & { folderPath: string },
): Promise<Reply> {
  const { root, names, folderPath } = place;
  const indexNames = [...names, "index.html"];
  const index = await findPage(disk, root, indexNames);
  if (index.kind === "file") return answerFile(request, disk, { root, names: indexNames, file: index.file });
  const html = listingPage(request.share.name, names, await listFolder(disk, root, folderPath));
  return pageReply(200, html);
}

/** A share of one file has it at its root, and under its own name for those who save it. */
async function answerSingleFile(request: PageRequest, disk: PageDisk, place: Place): Promise<Reply> {
  const { root, names } = place;
  const ownName = root.path.slice(root.path.lastIndexOf("/") + 1);
  const meant = names.length === 0 || (names.length === 1 && names[0] === ownName);
  const found = meant && !isHiddenName(ownName) ? await findPage(disk, root, []) : undefined;
  if (found?.kind !== "file") return notFound(request);
  return answerFile(request, disk, { root, names: [], file: found.file });
}

async function answerFile(
  request: PageRequest,
  disk: PageDisk,
  place: Place & { file: OpenFile },
): Promise<Reply> {
  const { head, share } = request;
  const { file } = place;
  const type = mimeTypeOf(file.realPath);
  const fields: Field[] = [
    field("Content-Type", type),
    share.access === "public" ? CACHE_PUBLIC : CACHE_PRIVATE,
    NO_SNIFF,
  ];
  if (!isCompressible(type)) return answerPlain(request, file, fields);
  fields.push(VARY);
  // A part is a part of the file itself: who resumes a download is not handed pieces of something else.
  const accept =
    firstValue(head.fields, "range") === undefined ? firstValue(head.fields, "accept-encoding") : undefined;
  const sibling = await openSibling(disk, place, accept);
  if (sibling !== undefined) {
    await file.close();
    fields.push(field("Content-Encoding", sibling.coding));
    return answerPlain(request, sibling.file, fields);
  }
  const [coding] = file.info.size < COMPRESS_MIN_BYTES ? [] : acceptedCodings(accept, LIVE_CODINGS);
  return coding === undefined
    ? answerPlain(request, file, fields)
    : answerCompressed(request, file, { fields, coding });
}

/** The file's bytes as they are, or the part of them that was asked for. */
async function answerPlain(request: PageRequest, file: OpenFile, fields: Field[]): Promise<Reply> {
  const { size, modifiedAt } = file.info;
  const current = { etag: etagOf(file), modifiedAt, size };
  pushValidators(fields, current);
  fields.push(ACCEPT_RANGES);
  const wanted = wantedPart(request.head.method, request.head.fields, current);
  switch (wanted.kind) {
    case "whole":
      return { status: 200, fields, body: fileBody(file, 0, size) };
    case "part": {
      const { start, end } = wanted;
      fields.push(field("Content-Range", `bytes ${start}-${end - 1}/${size}`));
      return { status: 206, fields, body: fileBody(file, start, end) };
    }
    case "range_unsatisfiable":
      await file.close();
      return {
        status: 416,
        fields: [NO_SNIFF, field("Content-Range", `bytes */${size}`)],
        body: { kind: "bytes", bytes: new Uint8Array() },
      };
    case "not_modified":
    case "precondition_failed":
      await file.close();
      return withoutBody(wanted.kind, fields);
  }
}

async function answerCompressed(
  request: PageRequest,
  file: OpenFile,
  { fields, coding }: { fields: Field[]; coding: Coding },
): Promise<Reply> {
  const { size, modifiedAt } = file.info;
  // Other bytes than the file's, so another tag.
  const current = { etag: etagOf(file, coding), modifiedAt, size };
  pushValidators(fields, current);
  fields.push(field("Content-Encoding", coding));
  const wanted = wantedPart(request.head.method, request.head.fields, current);
  if (wanted.kind === "not_modified" || wanted.kind === "precondition_failed") {
    await file.close();
    return withoutBody(wanted.kind, fields);
  }
  return { status: 200, fields, body: compressedFileBody(file, coding) };
}

function withoutBody(kind: "not_modified" | "precondition_failed", fields: Field[]): Reply {
  if (kind === "not_modified") return { status: 304, fields, body: { kind: "none" } };
  return { status: 412, fields: [NO_SNIFF], body: { kind: "bytes", bytes: new Uint8Array() } };
}

/** The file compressed beforehand, if there is one that is no older than the file. */
async function openSibling(
  disk: PageDisk,
  { root, names, file }: Place & { file: OpenFile },
  accept: string | undefined,
): Promise<{ file: OpenFile; coding: Coding } | undefined> {
  if (names.length === 0) return undefined;
  const wanted = acceptedCodings(
    accept,
    SIBLINGS.map(({ coding }) => coding),
  );
  for (const coding of wanted) {
    const extension = SIBLINGS.find((sibling) => sibling.coding === coding)?.extension ?? "";
    const found = await findPage(disk, root, [...names.slice(0, -1), `${names.at(-1) ?? ""}${extension}`]);
    if (found.kind !== "file") continue;
    if (found.file.info.modifiedAt >= file.info.modifiedAt) return { file: found.file, coding };
    await found.file.close();
  }
  return undefined;
}

/** Strong: file system, size and a time finer than milliseconds tell two versions of a file apart. */
function etagOf({ info }: OpenFile, coding?: Coding): string {
  const { inode, size, modifiedAt } = info;
  const version = `${inode.toString(36)}-${size.toString(36)}-${Math.round(modifiedAt * 1000).toString(36)}`;
  return coding === undefined ? `"${version}"` : `"${version}-${coding}"`;
}

function pushValidators(fields: Field[], { etag, modifiedAt }: Representation): void {
  fields.push(field("ETag", etag), field("Last-Modified", httpDateText(modifiedAt)));
}

/** Relative, so that it holds under whatever path the hub shows the share at, and never leaves the host. */
function intoFolder(target: string, names: readonly string[]): Reply {
  const query = target.indexOf("?");
  const last = encodeURIComponent((names.at(-1) ?? "").toWellFormed());
  return redirectReply(308, `./${last}/${query < 0 ? "" : target.slice(query)}`);
}

/** Nothing under that name: an application's own page for navigations, else 404. */
async function fallBack(request: PageRequest, disk: PageDisk, root: PageRoot): Promise<Reply> {
  if (!request.share.spa || !isNavigation(request.head)) return nothingHere(request, disk, root);
  const names = ["index.html"];
  const index = await findPage(disk, root, names);
  if (index.kind !== "file") return nothingHere(request, disk, root);
  return answerFile(request, disk, { root, names, file: index.file });
}

async function nothingHere(request: PageRequest, disk: PageDisk, root: PageRoot): Promise<Reply> {
  const own: FoundPage =
    root.kind === "folder" && isNavigation(request.head)
      ? await findPage(disk, root, ["404.html"])
      : { kind: "missing" };
  if (own.kind !== "file") return notFound(request);
  const { file } = own;
  const cache = request.share.access === "public" ? CACHE_PUBLIC : CACHE_PRIVATE;
  const fields = [field("Content-Type", mimeTypeOf("404.html")), cache, NO_SNIFF];
  return { status: 404, fields, body: fileBody(file, 0, file.info.size) };
}

function notFound(request: PageRequest): Reply {
  return tell(request, {
    code: "not_found",
    title: "There is nothing here",
    message: `"${request.share.name}" has no page at this address.`,
  });
}

function pageGone(request: PageRequest): Reply {
  return tell(request, {
    code: "not_found",
    title: "This page is gone",
    message: `What "${request.share.name}" showed is no longer on its device.`,
    hint: "Its owner can put the folder back or remove the share with 'muster rm'.",
  });
}

function badPath(request: PageRequest): Reply {
  return tell(request, {
    code: "bad_request",
    title: "This address cannot be read",
    message: "Its path is not one that a file could have.",
  });
}

function wrongMethod(request: PageRequest): Reply {
  const problem = {
    code: "method_not_allowed",
    title: "Pages can only be read",
    message: `"${request.share.name}" is a page: it answers GET, HEAD and OPTIONS, not ${request.head.method}.`,
  } as const;
  return tell(request, problem, [ALLOW]);
}

function tell(
  request: PageRequest,
  problem: {
    code: "not_found" | "bad_request" | "method_not_allowed";
    title: string;
    message: string;
    hint?: string;
  },
  extra: readonly Field[] = [],
): Reply {
  return problemReply({ ...problem, hop: "share" }, askerOf(request), extra);
}
