// What the fake of Cloudflare's API has: tunnels, who is connected to them, and the DNS records of one zone.

export interface FakeTunnel {
  id: string;
  name: string;
  secret: string;
  createdAt: string;
  deletedAt: string | null;
  configSrc: "local" | "cloudflare";
  connectors: string[];
  /** How many more times it counts as connected after its connections were ended. */
  clings: number;
}

export interface FakeRecord {
  id: string;
  type: string;
  name: string;
  content: string;
  proxied: boolean;
  ttl: number;
  comment: string | null;
  createdOn: string;
}

export class FakeState {
  readonly tunnels = new Map<string, FakeTunnel>();
  readonly records = new Map<string, FakeRecord>();
  #ids = 0;

  /** A UUID; counted, so that runs are alike. */
  newTunnelId(): string {
    return `00000000-0000-4000-8000-${this.#count(12)}`;
  }

  newRecordId(): string {
    return this.#count(32);
  }

  standing(): FakeTunnel[] {
    return [...this.tunnels.values()].filter(({ deletedAt }) => deletedAt === null);
  }

  /** As cloudflared does it: false when the secret is not in force. */
  connect(tunnelId: string, secret: string): boolean {
    const tunnel = this.tunnels.get(tunnelId);
    if (tunnel === undefined || tunnel.deletedAt !== null || tunnel.secret !== secret) return false;
    tunnel.connectors.push(this.newTunnelId());
    return true;
  }

  /** A record that a person made in the dashboard. */
  addForeignRecord(record: Pick<FakeRecord, "type" | "name" | "content"> & { comment?: string }): FakeRecord {
    const full = {
      id: this.newRecordId(),
      proxied: true,
      ttl: 1,
      createdOn: "2026-01-01T00:00:00Z",
      ...record,
      comment: record.comment ?? null,
    };
    this.records.set(full.id, full);
    return full;
  }

  addForeignTunnel(name: string, secret: string): FakeTunnel {
    const tunnel: FakeTunnel = {
      id: this.newTunnelId(),
      name,
      secret,
      createdAt: "2026-01-01T00:00:00Z",
      deletedAt: null,
      configSrc: "local",
      connectors: [],
      clings: 0,
    };
    this.tunnels.set(tunnel.id, tunnel);
    return tunnel;
  }

  #count(digits: number): string {
    this.#ids += 1;
    return this.#ids.toString(16).padStart(digits, "0");
  }
}
