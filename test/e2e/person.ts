// A person with a browser, without the browser: spends a sign-in link, proves the key that it made over `/ws`, and
// has the bearer with which a page calls the hub.
import { connect, type Connection } from "../../src/client/connection.ts";
import { keyProver } from "../../src/client/prove-key.ts";
import type { Signer } from "../../src/identity/crypto.ts";
import { nodeCrypto } from "../../src/identity/crypto-node.ts";
import { toBase64Url } from "../../src/protocol/bytes.ts";
import { realWorld } from "../../src/world/real.ts";
import type { Json } from "./harness.ts";

export interface Person extends Disposable {
  /** Status and body. */
  call(path: string, body?: object, method?: string): Promise<[number, Json]>;
  /** What the browser keeps: its key, and the hub's cookie for the page. */
  readonly browser: { signer: Signer; cookie: string; origin: string };
}

export async function signedIn(loginUrl: string): Promise<Person> {
  const crypto = nodeCrypto((length) => realWorld.random.bytes(length));
  const signer = crypto.ed25519Signer(crypto.randomBytes(32));
  const { origin, port, hash } = new URL(loginUrl);
  // The page's host is a name below localhost; here its address is dialled, and its name is told.
  const [, id, secret] = /^#login\.([^.]+)\.(.+)$/.exec(hash) ?? [];
  const publicKey = toBase64Url(signer.publicKey);
  const login = await fetch(`${origin}/api/login`, {
    method: "POST",
    headers: { "content-type": "application/json", origin },
    body: JSON.stringify({
      id,
      secret,
      name: "Test browser",
      public_key: publicKey,
      link_key: toBase64Url(crypto.x25519PublicKey(crypto.randomBytes(32))),
    }),
  });
  if (!login.ok) throw new Error(`the sign-in link was refused: ${await login.text()}`);
  const cookie = login.headers
    .getSetCookie()
    .map((one) => one.split(";")[0])
    .join("; ");
  const url = `${origin.replace(/^http/, "ws")}/ws`;
  const { connection, token } = await proved({ crypto, signer, url, origin, cookie });
  return {
    async call(path, body, method = body === undefined ? "GET" : "POST") {
      const headers = { "content-type": "application/json", authorization: `Bearer ${token}`, origin };
      const sent = body === undefined ? {} : { body: JSON.stringify(body) };
      const response = await fetch(`http://muster.localhost:${port}${path}`, { method, headers, ...sent });
      return [response.status, await response.json()];
    },
    browser: { signer, cookie, origin },
    [Symbol.dispose]: () => connection.close(),
  };
}

function proved(given: {
  crypto: ReturnType<typeof nodeCrypto>;
  signer: Parameters<typeof keyProver>[0]["signer"];
  url: string;
  origin: string;
  cookie: string;
}): Promise<{ connection: Connection; token: string }> {
  const { crypto, signer, url, origin, cookie } = given;
  return new Promise((resolve, reject) => {
    const connection: Connection = connect({
      url,
      openSocket: (address) => new WebSocket(address, { headers: { cookie, origin } } as never),
      world: realWorld,
      prove: keyProver({
        crypto,
        signer,
        url,
        hubKey: undefined,
        sessionKind: "person",
        name: "Test browser",
        platform: "browser",
        kind: "browser",
        version: "0.1.0",
      }),
      onState(state) {
        if (state.at === "ready") resolve({ connection, token: state.registered.token ?? "" });
        if (state.at === "ended") reject(state.problem ?? new Error("the connection was closed"));
      },
      onMessage() {},
    });
  });
}
