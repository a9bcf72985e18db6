// The three ways a share lets visitors in, in words.
import type { ShareAccess, ShareView } from "../../../src/protocol/views.ts";

export const ACCESS: Record<ShareAccess, { label: string; says: string }> = {
  password: { label: "Password", says: "Visitors need a password, made for you and shown once." },
  login: { label: "Login", says: "Only people with an account at this hub." },
  public: { label: "Public", says: "Anyone who has the address." },
};

/** Where a click leads: to a share for people who are signed in by the hub's own door, which lets them through. */
export function wayIn({ access, url, links }: Pick<ShareView, "access" | "url" | "links">): string {
  const byHub = links.some((link) => link.kind === "hub" && link.url === url);
  if (access !== "login" || !byHub || !URL.canParse(url)) return url;
  return `/access?${new URLSearchParams({ to: new URL(url).host }).toString()}`;
}
