// The script of the hub's door. For a share the hub gives the ticket; for a service the key of this browser signs it,
// over the bytes of purpose `ticket` (protocol/signed.ts), of which the hub tells nothing but the time. The key is the
// page's own, in its IndexedDB (web/src/platform/key-chain.ts), and no script can read it.

export const ACCESS_SCRIPT = `"use strict";
(() => {
  const signIn = document.querySelector("a[data-sign-in]");
  if (signIn !== null && location.pathname === "/access") signIn.hash = "then=" + encodeURIComponent(location.search);
  const button = document.querySelector("button[data-to]");
  const problem = document.querySelector("[role=alert]");
  if (button === null || problem === null) return;
  const { to, nonce, share, auto } = button.dataset;

  const settled = (request) =>
    new Promise((resolve, reject) => {
      request.addEventListener("success", () => resolve(request.result));
      request.addEventListener("error", () => reject(request.error));
    });
  const ownKeys = async () => {
    const opening = indexedDB.open("muster", 1);
    opening.addEventListener("upgradeneeded", () => opening.result.createObjectStore("keys"));
    const database = await settled(opening);
    try {
      const stored = await settled(database.transaction("keys").objectStore("keys").get("browser"));
      return stored === undefined ? undefined : stored.keys.identity;
    } finally {
      database.close();
    }
  };
  const base64Url = (bytes) =>
    btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  const utf8 = (text) => new TextEncoder().encode(text);
  const fromBase64Url = (text) =>
    Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
  const u64 = (value) => {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
    return bytes;
  };
  const signedBytes = (fields) => {
    const parts = fields.flatMap((field) => {
      const length = new Uint8Array(4);
      new DataView(length.buffer).setUint32(0, field.length);
      return [...length, ...field];
    });
    return new Uint8Array(parts);
  };

  const ask = async (body) => {
    const response = await fetch("/api/access", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    const answer = await response.json();
    if (response.ok) return answer;
    throw new Error([answer.error.message, answer.error.hint].filter(Boolean).join("; "));
  };
  const byOwnKey = async () => {
    const keys = await ownKeys();
    if (keys === undefined) throw new Error("this browser has no key yet: sign in at the hub's page first");
    const visitor = base64Url(new Uint8Array(await crypto.subtle.exportKey("raw", keys.publicKey)));
    const { url, sign } = await ask({ to, nonce, key: visitor });
    // What this page showed is what is signed.
    if (sign.share !== share || sign.host !== to) throw new Error("the hub asks for another service");
    const bytes = signedBytes([
      utf8("muster/v1/ticket"), utf8(share), utf8(to), utf8(visitor), fromBase64Url(nonce), u64(sign.expires_at),
    ]);
    const signature = new Uint8Array(await crypto.subtle.sign("Ed25519", keys.privateKey, bytes));
    const claims = { share, host: to, visitor, nonce, expires_at: sign.expires_at };
    return url + "#" + base64Url(utf8(JSON.stringify(claims))) + "." + base64Url(signature);
  };

  const enter = async () => {
    button.disabled = true;
    problem.textContent = "";
    try {
      return location.replace(share === undefined ? (await ask({ to, nonce })).url : await byOwnKey());
    } catch (error) {
      problem.textContent =
        error instanceof TypeError ? "The hub does not answer. Try again." : error.message;
    }
    button.disabled = false;
  };
  button.addEventListener("click", enter);
  if (auto === "yes") enter();
})();
`;
