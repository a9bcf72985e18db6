// A service as one word of a flag or a variable says it: `NAME:PORT`, `NAME:PORT/tcp`, `NAME:PORT/http`. What speaks
// on a port that says nothing is HTTP, unless that port is well known for something else.
import { isServiceName } from "./names.ts";
import type { ServiceType } from "./services.ts";

export interface ServiceEntry {
  name: string;
  port: number;
  type: ServiceType;
  /** What the port is known for, where the type follows from that. */
  knownFor?: string;
}

/** Ports of IANA's list, and of servers that many machines run, where no HTTP is spoken. */
const WELL_KNOWN_TCP: ReadonlyMap<number, string> = new Map([
  [21, "FTP"],
  [22, "SSH"],
  [25, "SMTP"],
  [53, "DNS"],
  [110, "POP3"],
  [139, "SMB"],
  [143, "IMAP"],
  [389, "LDAP"],
  [445, "SMB"],
  [465, "SMTP"],
  [587, "SMTP"],
  [636, "LDAP"],
  [993, "IMAP"],
  [995, "POP3"],
  [1433, "SQL Server"],
  [1521, "Oracle"],
  [1883, "MQTT"],
  [2049, "NFS"],
  [2181, "ZooKeeper"],
  [3306, "MySQL"],
  [3389, "RDP"],
  [4222, "NATS"],
  [5432, "PostgreSQL"],
  [5672, "AMQP"],
  [5900, "VNC"],
  [6379, "Redis"],
  [6667, "IRC"],
  [8883, "MQTT"],
  [9042, "Cassandra"],
  [9092, "Kafka"],
  [11_211, "memcached"],
  [27_017, "MongoDB"],
]);

/** What speaks on a port of which nothing else is said. */
export function usualType(port: number): Pick<ServiceEntry, "type" | "knownFor"> {
  const knownFor = WELL_KNOWN_TCP.get(port);
  return knownFor === undefined ? { type: "http" } : { type: "tcp", knownFor };
}

/** The entry, or in words that follow it what is wrong. */
export function readServiceEntry(text: string): ServiceEntry | { problem: string } {
  const [, name = "", digits = "", type] = /^([^:]*):(\d{1,7})(?:\/(.*))?$/.exec(text) ?? [];
  if (digits === "") return { problem: "is not of the form name:port or name:port/tcp" };
  const port = Number(digits);
  if (port < 1 || port > 65_535) return { problem: "has no port from 1 to 65535" };
  if (!isServiceName(name)) {
    return { problem: `has a bad name: up to 64 of a-z, 0-9, dot, hyphen and underscore are one` };
  }
  if (type === undefined) return { name, port, ...usualType(port) };
  if (type !== "tcp" && type !== "http") return { problem: `has a bad type: "tcp" and "http" are ones` };
  return { name, port, type };
}
