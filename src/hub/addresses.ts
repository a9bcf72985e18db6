// Under which names this hub answers, and what each name stands for. A Host is one of the hub's own, a label
// under its domain, or unknown; nothing else is ever made of it.
import { isLoopbackAddress } from "../protocol/actors.ts";
import { serviceLabel, type ServicePlace } from "../protocol/service-address.ts";

/** The page's own host on loopback: cookies ignore ports, so it has a name of its own. */
export const PAGE_HOST_LOCAL = "muster.localhost";
/** The page's label under a domain. */
const PAGE_LABEL = "muster";

export interface AddressOptions {
  /** Bound port. */
  port: number;
  /** The hub ends TLS itself, or a proxy in front of it does. */
  https: boolean;
  /** Without it, addresses are those of loopback. */
  domain: string | undefined;
  /** Where shares live when not under the domain itself. */
  shareDomain?: string | undefined;
  /** Port that visitors use, where it isn't the bound one (a proxy in front). */
  publicPort: number | undefined;
  /** Addresses of this machine that the hub is bound to. */
  ownAddresses(): string[];
}

export type HostMeaning =
  /** `page`: the host that carries the page. */
  { kind: "own"; page: boolean } | { kind: "label"; label: string } | { kind: "unknown" };

/** Visitors choose these names, so their number is bounded. */
const LABELS_KEPT = 1_000;

const UNKNOWN: HostMeaning = { kind: "unknown" };
const OWN: HostMeaning = { kind: "own", page: false };
const OWN_PAGE: HostMeaning = { kind: "own", page: true };

export class Addresses {
  readonly #options: AddressOptions;
  /** Hosts under which shares were asked for: what such a name means does not change. */
  readonly #labels = new Map<string, HostMeaning>();

  constructor(options: AddressOptions) {
    this.#options = options;
  }

  get port(): number {
    return this.#options.port;
  }

  /** Where devices, CLIs and people are told that this hub is. */
  get hubUrl(): string {
    const { domain } = this.#options;
    return domain === undefined ? `http://localhost:${this.#options.port}` : this.#publicUrl(domain);
  }

  /** Where the page is; on loopback a browser of this machine reaches it even when the hub is bound to more. */
  get pageUrl(): string {
    const { domain, port } = this.#options;
    return domain === undefined
      ? `http://${PAGE_HOST_LOCAL}:${port}`
      : this.#publicUrl(`${PAGE_LABEL}.${domain}`);
  }

  /** Host of the page, without its port: the passkeys' RP id. */
  get pageHost(): string {
    return new URL(this.pageUrl).hostname;
  }

  /** Under the hub's own domain its passkeys and cookies are for the public; else for this machine alone. */
  get isPublic(): boolean {
    return this.#options.domain !== undefined;
  }

  shareUrl(label: string): string {
    const { domain, shareDomain = domain, port } = this.#options;
    return shareDomain === undefined
      ? `http://${label}.localhost:${port}/`
      : `${this.#publicUrl(`${label}.${shareDomain}`)}/`;
  }

  /** Undefined for a service whose name is no host's. */
  serviceUrl(place: ServicePlace): string | undefined {
    const label = serviceLabel(place);
    return label === undefined ? undefined : this.shareUrl(label);
  }

  /** Of a device; "" without a domain. */
  deviceHost(name: string): string {
    const { domain } = this.#options;
    return domain === undefined ? "" : `${name}.${domain}`;
  }

  /** `host` as in the Host field, port included. */
  meaning(host: string): HostMeaning {
    const known = this.#labels.get(host);
    if (known !== undefined) return known;
    const meaning = this.#read(host);
    if (meaning.kind === "label") {
      if (this.#labels.size === LABELS_KEPT) this.#labels.clear();
      this.#labels.set(host, meaning);
    }
    return meaning;
  }

  #read(host: string): HostMeaning {
    const name = withoutPort(host).toLowerCase();
    const { domain, shareDomain } = this.#options;
    if (name === PAGE_HOST_LOCAL) return domain === undefined ? OWN_PAGE : OWN;
    if (name === "localhost") return OWN;
    const parent = parentOf(name);
    if (domain !== undefined) {
      if (name === domain) return OWN;
      if (parent === domain)
        return labelOf(name) === PAGE_LABEL ? OWN_PAGE : { kind: "label", label: labelOf(name) };
    }
    // Only labels live there: no page, no API.
    if (shareDomain !== undefined && parent === shareDomain) return { kind: "label", label: labelOf(name) };
    if (parent === "localhost") return { kind: "label", label: labelOf(name) };
    return this.#isOwnAddress(name) ? OWN : UNKNOWN;
  }

  /** Whether `scheme://host:port`, as a client dialled it, is this hub. */
  isOwn(dialled: string): boolean {
    if (!URL.canParse(dialled)) return false;
    const url = new URL(dialled);
    if (this.meaning(url.host).kind !== "own") return false;
    // On loopback a port may be forwarded (ssh -L, containers); a name of loopback is nobody else's.
    return isLocalName(url.hostname) || (url.protocol === "https:") === this.#options.https;
  }

  #isOwnAddress(name: string): boolean {
    const address = name.replace(/^\[|\]$/g, "");
    return isLoopbackAddress(address) || this.#options.ownAddresses().includes(address);
  }

  #publicUrl(host: string): string {
    const { https, port, publicPort } = this.#options;
    const scheme = https ? "https" : "http";
    const shown = publicPort ?? port;
    return shown === (https ? 443 : 80) ? `${scheme}://${host}` : `${scheme}://${host}:${shown}`;
  }
}

/** A name that stands for the machine one sits at. */
export function isLocalName(hostname: string): boolean {
  const name = hostname.replace(/^\[|\]$/g, "");
  return name === "localhost" || name.endsWith(".localhost") || isLoopbackAddress(name);
}

export function withoutPort(host: string): string {
  const colon = host.lastIndexOf(":");
  return colon < 0 || host.endsWith("]") ? host : host.slice(0, colon);
}

function parentOf(name: string): string {
  return name.slice(name.indexOf(".") + 1);
}

function labelOf(name: string): string {
  return name.slice(0, name.indexOf("."));
}
