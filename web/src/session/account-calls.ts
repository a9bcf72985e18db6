// The page's calls about the account of the person: enter, leave, and how to enter again.
import { z } from "zod";
import { loginResponse, sessionResponse, type LoginRequest } from "../../../src/protocol/hub-api.ts";
import { callHub, type HubAnswer } from "./hub-http.ts";
import type { SessionResponse } from "../../../src/protocol/hub-api.ts";

const anything = z.unknown();

export function getSession(): Promise<HubAnswer<SessionResponse>> {
  return callHub({ method: "GET", path: "/api/session", answer: sessionResponse });
}

/** Spends a login link: the answer's cookie signs this browser in. */
export async function spendLoginLink(body: LoginRequest): Promise<void> {
  await callHub({ method: "POST", path: "/api/login", body, answer: loginResponse });
}

export async function signInWithPassword(name: string, password: string): Promise<void> {
  await callHub({ method: "POST", path: "/api/sign-in", body: { name, password }, answer: anything });
}

export async function signOut(): Promise<void> {
  await callHub({ method: "POST", path: "/api/sign-out", body: {}, answer: anything });
}

export interface PasswordChange {
  name: string;
  password: string;
  current_password?: string;
}

export async function setPassword(change: PasswordChange, token: string | null): Promise<void> {
  await callHub({ method: "POST", path: "/api/account", body: change, token, answer: anything });
}
