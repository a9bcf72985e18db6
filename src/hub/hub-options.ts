// What a hub is made from: where it listens, what is its own, and what it hands out.
import type { Crypto, Signer } from "../identity/crypto.ts";
import type { Secret } from "../identity/secret.ts";
import type { Log } from "../protocol/log.ts";
import type { StoreNotice } from "../store/open-store.ts";
import type { CloudflareSettings } from "../tunnels/cloudflare/settings.ts";
import type { TlsFiles, World } from "../world/world.ts";
import type { PasswordHasher } from "./accounts/accounts.ts";
import type { Assets } from "./api/ports.ts";
import type { Downloads } from "./downloads/downloads.ts";
import type { HomeKeys } from "./home.ts";
import type { HubLimits } from "./hub-limits.ts";
import type { HubBinding } from "./listen.ts";

export interface HubOptions {
  world: World;
  crypto: Crypto;
  log: Log;
  version: string;
  /** The hub's own key; its fingerprint is the hub's id. */
  signer: Signer;
  /** At least 32 bytes, kept outside the database: sessions and what is sealed at rest depend on it. */
  secret: Secret<Uint8Array>;
  databasePath: string;
  /** A folder of this user alone, for the internal server's socket. */
  socketFolder: string;
  binding: HubBinding;
  tls: TlsFiles | undefined;
  domain: string | undefined;
  /** Port that visitors use, where a proxy stands in front. */
  publicPort: number | undefined;
  /** A domain for shares alone, so that none of them is a sibling of the page. */
  shareDomain?: string | undefined;
  /** Addresses, or ranges of them, of proxies whose word about visitors counts. */
  trustedProxies?: readonly string[];
  /** Devices may come by plain HTTP from elsewhere: started with --insecure. */
  insecure?: boolean;
  /** Keys that are enrolled nowhere may pair, send and receive here. */
  guests?: boolean;
  limits?: HubLimits;
  assets: Assets;
  /** What new machines install; without it this hub hands out nothing. */
  downloads?: Downloads;
  hasher: PasswordHasher;
  home: HomeKeys;
  metricsToken: Secret<string> | undefined;
  /** Named links; without settings there are none. */
  cloudflare?: { settings: CloudflareSettings | undefined; baseUrl?: string | undefined };
  onNotice(notice: StoreNotice): void;
}
