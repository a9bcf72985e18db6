// The three ways a share lets visitors in, in words.
import type { ShareAccess } from "../../../src/protocol/views.ts";

export const ACCESS: Record<ShareAccess, { label: string; says: string }> = {
  password: { label: "Password", says: "Visitors need a password, made for you and shown once." },
  login: { label: "Login", says: "Only people with an account at this hub." },
  public: { label: "Public", says: "Anyone who has the address." },
};
