// The world as the program sees it: clock, timers, randomness, network, disk, processes.
//
// These are types only, so every room may `import type` them. The adapters beside this file are the only
// code that touches the real thing; the simulator in test/ hands in its own. Nothing here reads argv or
// the environment.

/** Wall time and monotonic time, both in milliseconds. Only monotonic time measures a duration. */
export interface Clock {
  /** Milliseconds since the Unix epoch. May jump either way. */
  now(): number;
  /** Milliseconds since some fixed point. Never goes back; stands still while the machine sleeps. */
  monotonic(): number;
}

export interface Timer {
  cancel(): void;
}

export interface Timers {
  after(delayMs: number, run: () => void): Timer;
  every(periodMs: number, run: () => void): Timer;
  /** Runs once everything that is readable in this loop turn has been handled (setImmediate). */
  soon(run: () => void): void;
}

export interface Random {
  /** Cryptographically strong bytes. */
  bytes(length: number): Uint8Array;
  /** Uniform in [0, 1). For jitter, never for secrets. */
  fraction(): number;
}

/**
 * One end of an ordered two-way stream of bytes: a TCP or unix socket, a TLS connection, a trunk stream.
 * All of them keep this one contract, so a pump, a parser or a gateway works over each.
 */
export interface ByteStream {
  /**
   * Hands over bytes; returns how many were taken: all of them, fewer (the far side is slow: keep the
   * rest and wait for `drain`), or -1 when the stream is closed. Taken bytes may be reused by the caller.
   */
  write(bytes: Uint8Array): number;
  /** Stops `data`. What had arrived already stays with the stream and is bounded by its window. */
  pause(): void;
  resume(): void;
  /** Half-close: no more bytes from this side; the other direction goes on. */
  shutdown(): void;
  /** Drops both directions at once; unsent bytes are lost. `close` still follows. Safe to repeat. */
  close(): void;
}

/** What a stream tells its owner. After `close` nothing more is called. */
export interface ByteStreamEvents {
  /** The bytes are only valid during the call: copy what is kept. Never a Buffer, whose slice() is no copy. */
  data(bytes: Uint8Array): void;
  /** After a short write: there is room again. */
  drain(): void;
  /** The other side half-closed. */
  end(): void;
  /** Gone in both directions. `error` when it was not by plan. */
  close(error?: Error): void;
}

export interface Socket extends ByteStream {
  /** IP address of the far end, or "" for a unix socket. */
  readonly remoteAddress: string;
  readonly localAddress: string;
  readonly tls: boolean;
  /** TLS exporter (RFC 5705, RFC 9266) of 32 bytes; empty where there is no TLS. */
  channelBinding(): Uint8Array;
  /** Closes once what was taken so far has been sent. */
  finish(): void;
}

/** `port` 0 picks a free one. `path` is a unix socket. */
export type Address = { host: string; port: number } | { path: string };

export interface TlsFiles {
  cert: string;
  key: string;
}

export interface ListenOptions {
  address: Address;
  tls?: TlsFiles;
  /** Called for each connection; returns who is told of its events. */
  connection(socket: Socket): ByteStreamEvents;
}

export interface Listener {
  /** The bound port, 0 for a unix socket. */
  readonly port: number;
  /** Stops accepting. Connections that are open stay. */
  close(): void;
  /**
   * Where TLS is ended: connections that come from now on get what these files hold. Throws `invalid` for
   * files that can't be served, and then nothing changes.
   */
  renew?(files: TlsFiles): void;
}

/** What opens a way through somebody in between (a proxy), before a byte of the connection itself. */
export interface Tunnel {
  request: Uint8Array;
  /** Given all that came so far: bytes of the whole answer, or 0 while it is not whole. Throws a refusal. */
  read(answer: Uint8Array): number;
}

export interface ConnectOptions {
  address: Address;
  /** Then `address` is that of the proxy. */
  tunnel?: Tunnel;
  tls?: { serverName: string; ca?: string; rejectUnauthorized?: boolean };
  /** Until all of it stands, TLS and tunnel included. */
  timeoutMs: number;
  /** Until the far machine has taken the connection, as far as that can be seen; no shorter where absent. */
  reachTimeoutMs?: number;
  /** Called once connected, before any event; returns who is told. */
  connected(socket: Socket): ByteStreamEvents;
}

/** One WebSocket connection, of either side. */
export interface WebSocketPeer {
  /** Bytes taken, -1 when queued because the far side is slow (wait for `drain`), 0 when lost. */
  send(data: string | Uint8Array): number;
  readonly bufferedAmount: number;
  close(code?: number, reason?: string): void;
  /** Ends it without a handshake, where there is such a thing. */
  terminate?(): void;
}

export interface WebSocketEvents {
  message(data: string | Uint8Array): void;
  drain(): void;
  close(): void;
}

/** Accepts the request at hand as a WebSocket; false when it asked for none. */
export type AcceptWebSocket = (open: (peer: WebSocketPeer) => WebSocketEvents) => boolean;

export interface ServeOptions {
  address: Address;
  /** Answers undefined only after `accept` returned true. */
  fetch(request: Request, accept: AcceptWebSocket): Response | undefined | Promise<Response | undefined>;
  /** Largest WebSocket message in bytes; a larger one closes the connection. */
  messageMaxBytes?: number;
}

export interface FetchOptions {
  /** PEM of a certificate authority besides the public ones. */
  ca?: string;
  /** URL of a proxy, with its credentials: never for a log. Those of the environment are not looked at. */
  proxy?: string;
}

export interface WebSocketOptions extends FetchOptions {
  timeoutMs: number;
  /** Called once open, before any event; returns who is told. */
  opened(peer: WebSocketPeer): WebSocketEvents;
}

export interface NetworkInterface {
  name: string;
  address: string;
  internal: boolean;
}

export interface Network {
  /** Rejects with `AddressInUse` (its `code` is "EADDRINUSE") when the port is taken. */
  listen(options: ListenOptions): Promise<Listener>;
  /** Rejects with an Error whose `code` is the system's ("ECONNREFUSED", "ETIMEDOUT", …). */
  connect(options: ConnectOptions): Promise<Socket>;
  /** An HTTP server for a program's own pages and API. Unix sockets are made with mode 0600. */
  serve(options: ServeOptions): Promise<Listener>;
  /** One HTTP request to elsewhere; redirects are not followed. */
  fetch(url: string, init?: RequestInit, options?: FetchOptions): Promise<Response>;
  /**
   * The same, never by a proxy, for an answer that is read while it is made: the server is held where nobody reads. A
   * process has at most 256 of them under way; one more waits.
   */
  fetchStream(url: string, init?: RequestInit): Promise<Response>;
  /** Opens a WebSocket to a `ws:` or `wss:` URL. Rejects when it does not open. */
  webSocket(url: string, options: WebSocketOptions): Promise<void>;
  interfaces(): NetworkInterface[];
  /** The default routes as text, to be compared and never parsed; "" where the system does not tell. */
  defaultRoute(): string;
}

export interface FileInfo {
  kind: "file" | "folder" | "other";
  /** Bytes. */
  size: number;
  /** Milliseconds since the epoch. */
  modifiedAt: number;
  /** Permission bits, e.g. 0o600. */
  mode: number;
  inode: number;
}

/** An open regular file, read by position. */
export interface OpenFile {
  readonly info: FileInfo;
  /** The path the open file really has, every link resolved. */
  readonly realPath: string;
  /** Reads up to `length` bytes from `position`; empty at the end. */
  read(position: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

export interface AppendFile {
  /** Bytes in the file now. */
  readonly size: number;
  append(bytes: Uint8Array): void;
  close(): void;
}

/** Every call rejects with an Error whose `code` is the system's ("ENOENT", "ENOSPC", "EACCES", …). */
export interface Disk {
  read(path: string): Promise<Uint8Array>;
  /** Atomic and durable: temporary file, fsync, rename, fsync of the folder. Default mode 0o600. */
  write(path: string, bytes: Uint8Array | string, mode?: number): Promise<void>;
  /** As `write`, but never in place of a file that is there: of all who try, one is told true. */
  create(path: string, bytes: Uint8Array | string, mode?: number): Promise<boolean>;
  remove(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Cuts a file to no bytes in place: who has it open for appending goes on at its start. */
  empty(path: string): Promise<void>;
  /** Makes the folder and its parents with mode 0o700 where they are missing. */
  makeFolder(path: string): Promise<void>;
  list(path: string): Promise<string[]>;
  /** Follows links. Undefined when there is nothing. */
  info(path: string): Promise<FileInfo | undefined>;
  realPath(path: string): Promise<string>;
  /** Opens a regular file for reading without following a link in its last part. */
  open(path: string): Promise<OpenFile>;
  openAppend(path: string, mode?: number): Promise<AppendFile>;
}

/** A file that is being written, open for as long as that takes. */
export interface GrowingFile {
  /** All of them, one behind the other, from this position on. */
  write(pieces: readonly Uint8Array[], position: number): Promise<void>;
  /** Up to `length` bytes; none at the end. */
  read(position: number, length: number): Promise<Uint8Array>;
  /** Cuts off what is behind. */
  truncate(keptBytes: number): Promise<void>;
  /** What was written is durable when this resolves. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** For files that are too large to be in memory. Rejects as a `Disk` does. */
export interface LargeFiles {
  /** Makes it (mode 0o600) where it is missing, and cuts off what is behind `keptBytes`. Follows no link. */
  openGrowing(path: string, keptBytes: number): Promise<GrowingFile>;
  /** Durable when it resolves. Nothing at `to` is replaced: EEXIST. */
  moveNew(from: string, to: string): Promise<void>;
  /** What a new file may take in this folder; without bound where the system does not tell. */
  freeBytes(folder: string): Promise<number>;
}

export interface SpawnOptions {
  command: string[];
  cwd: string;
  environment: Record<string, string>;
  /** Standard output and error are appended here by the child itself, so that it outlives its starter. */
  outputPath: string;
  /** `code` is null when a signal ended it. */
  exited(code: number | null, signal: string | null): void;
}

export interface ChildProcess {
  readonly pid: number;
  /** Signals the child's whole process group. */
  signal(name: "SIGTERM" | "SIGKILL" | "SIGINT" | "SIGHUP"): void;
}

export interface Processes {
  /** Starts the command as leader of its own process group. Throws when it can't be started. */
  spawn(options: SpawnOptions): ChildProcess;
  /** Whether a process group of this id still has a member. */
  groupAlive(pid: number): boolean;
  signalGroup(pid: number, name: "SIGTERM" | "SIGKILL"): void;
  /** Opaque start mark of a process (boot id and start time), so that a reused pid is not mistaken for it. */
  startMark(pid: number): string | undefined;
}

export type SignalWord = "INT" | "TERM" | "KILL" | "HUP";

interface ProgramOptions {
  command: string[];
  cwd: string;
  environment: Record<string, string>;
  /** Once, with its last output told before. `code` is null when a signal ended it. */
  ended(code: number | null, signal: string | null): void;
}

export interface PipedOptions extends ProgramOptions {
  /** Whether it has an input at all. */
  input: boolean;
  /** The bytes are only valid during the call. */
  output(from: "stdout" | "stderr", bytes: Uint8Array): void;
  /** After `write` said false. */
  inputDrained(): void;
}

/** A program that leads its own process group, which signals go to. */
export interface PipedProgram {
  readonly pid: number;
  /** False: taken, but wait for `inputDrained`. */
  write(bytes: Uint8Array): boolean;
  endInput(): void;
  /** Stops `output`; the program waits once its pipes are full. */
  pause(): void;
  resume(): void;
  signal(name: SignalWord): void;
}

export interface TerminalOptions extends ProgramOptions {
  cols: number;
  rows: number;
  output(bytes: Uint8Array): void;
}

export interface TerminalProgram {
  readonly pid: number;
  write(bytes: Uint8Array): void;
  resize(cols: number, rows: number): void;
  signal(name: SignalWord): void;
  /** Its end of the terminal; who sits behind it is hung up on. */
  close(): void;
}

/** Programs that are talked to while they run. */
export interface Programs {
  piped(options: PipedOptions): PipedProgram;
  terminal(options: TerminalOptions): TerminalProgram;
}

/** A synchronous SQLite handle: the few calls the store's dialect needs (bun:sqlite has them all). */
export interface SqliteDatabase {
  query(sql: string): SqliteStatement;
  exec(sql: string): void;
  close(): void;
}

export interface SqliteStatement {
  all(...values: SqliteValue[]): Record<string, SqliteValue>[];
  run(...values: SqliteValue[]): { changes: number; lastInsertRowid: number | bigint };
  /** Names of the result's columns; empty for a statement that returns no rows. */
  readonly columnNames: string[];
}

export type SqliteValue = string | number | bigint | Uint8Array | null;

/** Connections to one PostgreSQL database. Failures are Errors whose `code` is the SQLSTATE, or "ECONNREFUSED". */
export interface PostgresPool {
  /** Waits for a free one. Whoever took it gives it back. */
  connect(): Promise<PostgresConnection>;
  close(): Promise<void>;
}

export interface PostgresConnection {
  query(sql: string, values: readonly SqliteValue[]): Promise<PostgresResult>;
  release(): void;
}

export interface PostgresResult {
  /** int8 comes as text. */
  rows: Record<string, unknown>[];
  /** Name and type (OID) of each column. */
  columns: { name: string; type: number }[];
  affected: number;
}

export interface World {
  clock: Clock;
  timers: Timers;
  random: Random;
  network: Network;
  disk: Disk;
  processes: Processes;
  openSqlite(path: string): SqliteDatabase;
}
