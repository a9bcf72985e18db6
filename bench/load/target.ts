// Where a visitor goes, and what it sends along.

export interface Target {
  port: number;
  tls: boolean;
  /** The Host field; several names live behind one port. */
  host: string;
  fields: Readonly<Record<string, string>>;
}

export function plain(port: number, host = "bench.localhost"): Target {
  return { port, tls: false, host, fields: {} };
}

/** A request head without a body of its own. */
export function requestHead(target: Target, line: string, extra: Record<string, string> = {}): string {
  const fields = Object.entries({ Host: target.host, ...target.fields, ...extra });
  return `${line} HTTP/1.1\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
}
