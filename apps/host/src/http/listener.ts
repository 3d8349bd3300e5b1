import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls';
import type { HttpRequest, Session } from '@coco/node';
import type { InterfaceConfiguration } from '../configuration/configuration.ts';
import { formatAddress, type HostPort, parseAddress } from '../configuration/units.ts';
import { HostError, messageOf } from '../errors.ts';
import { limits } from '../limits.ts';
import { Http1Session } from './http1-session.ts';
import type { Clock, Exchange, Flushable, LiveSession, SessionErrors, SessionHost } from './session-host.ts';

/** Hears of what went wrong though the daemon goes on. */
export type Complain = (what: string) => void;

/** Where the requests of all listeners go, and what they share. */
export interface RequestSink {
  readonly clock: Clock;
  submit(exchange: Exchange, session: Session, request: HttpRequest): void;
  abandon(exchange: Exchange): void;
  streamed(exchange: Exchange): void;
  dirty(session: Flushable): void;
}

/** Certificate and key that a listener presents. */
export interface Identity {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

/** What a listener counts, as `/node/metrics` shows it. */
export interface ListenerFacts {
  readonly active: number;
  readonly peak: number;
  readonly soft_cap: number;
  readonly hard_cap: number;
  readonly errors: SessionErrors;
}

let sessionsOpened = 0;

/** One rpc interface: its socket, its TLS identity and its sessions. */
export class Listener {
  readonly name: string;
  readonly #configuration: InterfaceConfiguration;
  readonly #complain: Complain;
  readonly #server: Server;
  readonly #tls: TlsServer | null;
  readonly #host: SessionHost;
  readonly #errors: SessionErrors = {
    parsing: 0,
    request_payload_too_large: 0,
    request_header_too_large: 0,
  };
  readonly #sessions = new Set<LiveSession>();
  /** Connections that are not sessions yet, by their other end. */
  readonly #handshaking = new Map<string, Socket>();
  #peak = 0;
  #presentable: boolean;
  #address: HostPort | undefined;

  constructor(
    name: string,
    configuration: InterfaceConfiguration,
    { idleMs, sink, complain }: { idleMs: number | null; sink: RequestSink; complain: Complain },
  ) {
    this.name = name;
    this.#configuration = configuration;
    this.#complain = complain;
    this.#host = {
      http: configuration.http_configuration,
      idleMs,
      clock: sink.clock,
      errors: this.#errors,
      submit: (exchange, session, request) => sink.submit(exchange, session, request),
      abandon: (exchange) => sink.abandon(exchange),
      streamed: (exchange) => sink.streamed(exchange),
      dirty: (session) => sink.dirty(session),
      closed: (session) => this.#sessions.delete(session),
    };
    const secured = configuration.endorsement.authority !== 'Unsecured';
    this.#presentable = !secured;
    this.#tls = secured ? this.#createTls() : null;
    this.#server = this.#tls ?? this.#createTcp();
    this.#server.maxConnections = configuration.max_open_sessions_hard;
  }

  /**
   * Binds the address of the interface and answers the address bound.
   * @throws HostError `Listen`
   */
  async listen(): Promise<HostPort> {
    const what = `rpc interface ${this.name}`;
    this.#address = await listenOn(this.#server, this.#configuration.bind_address, what, this.#complain);
    return this.#address;
  }

  /** The address bound. */
  get address(): HostPort | undefined {
    return this.#address;
  }

  /** Presents this identity to new connections, when it is of the interface's authority. */
  setIdentity(authority: 'Node' | 'Service', identity: Identity): void {
    if (this.#tls === null || this.#configuration.endorsement.authority !== authority) return;
    this.#tls.setSecureContext({
      cert: identity.certificatePem,
      key: identity.privateKeyPem,
      minVersion: 'TLSv1.2',
      // Client certificates are asked for but judged later, so that no root needs to be known here.
      ca: [],
    });
    this.#presentable = true;
  }

  /** Closes sessions that are idle or slow; to be called every `limits.sweepMs`. */
  sweep(): void {
    for (const session of this.#sessions) session.sweep();
  }

  /** Accepts no more connections, and no more requests on those there are; resolves when all are gone. */
  shutdown(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const session of this.#sessions) session.shutdown();
    for (const socket of this.#handshaking.values()) socket.destroy();
    return closed;
  }

  /** Cuts off every session at once. */
  destroy(): void {
    for (const session of this.#sessions) session.destroy();
  }

  facts(): ListenerFacts {
    return {
      active: this.#sessions.size,
      peak: this.#peak,
      soft_cap: this.#configuration.max_open_sessions_soft,
      hard_cap: this.#configuration.max_open_sessions_hard,
      errors: this.#errors,
    };
  }

  #createTcp(): Server {
    return createTcpServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#open(socket, null));
  }

  #createTls(): TlsServer {
    const server = createTlsServer(
      {
        requestCert: true,
        rejectUnauthorized: false,
        minVersion: 'TLSv1.2',
        ca: [],
        ALPNProtocols: ['http/1.1'],
        handshakeTimeout: limits.handshakeMsMax,
        allowHalfOpen: true,
        noDelay: true,
      },
      (socket) => {
        this.#handshaking.delete(endOf(socket));
        this.#open(socket, clientCertificate(socket));
      },
    );
    server.prependListener('connection', (socket) => {
      // Before the node has an identity of this authority there is nothing to shake hands with.
      if (!this.#presentable) socket.destroy();
      const end = endOf(socket);
      this.#handshaking.set(end, socket);
      socket.once('close', () => this.#handshaking.delete(end));
    });
    server.on('tlsClientError', (_error, socket) => socket.destroy());
    return server;
  }

  #open(socket: Socket, clientCertificate: Uint8Array | null): void {
    sessionsOpened += 1;
    const session = { id: sessionsOpened, interface: this.name, clientCertificate };
    const overloaded = this.#sessions.size >= this.#configuration.max_open_sessions_soft;
    this.#sessions.add(new Http1Session(socket, session, this.#host, overloaded));
    this.#peak = Math.max(this.#peak, this.#sessions.size);
  }
}

function endOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

function clientCertificate(socket: TLSSocket): Uint8Array | null {
  const certificate = socket.getPeerX509Certificate();
  return certificate === undefined ? null : new Uint8Array(certificate.raw);
}

/**
 * Binds a server to an address of the configuration and answers the address bound. What goes wrong later
 * (no file descriptor for another connection, for instance) is complained about: those who are connected
 * are still served.
 * @throws HostError `Listen` naming `what` and the address
 */
export async function listenOn(
  server: Server,
  address: string,
  what: string,
  complain: Complain,
): Promise<HostPort> {
  const { host, port } = parseAddress(address)!;
  const where = formatAddress({ host, port });
  await new Promise<void>((resolve, reject) => {
    const refuse = (error: Error) => {
      const text = `${what}: cannot listen on ${where}: ${messageOf(error)}`;
      reject(new HostError('Listen', text, { cause: error }));
    };
    server.once('error', refuse);
    server.listen({ host, port, backlog: limits.backlog }, () => {
      server.off('error', refuse);
      server.on('error', (error) => complain(`${what}: ${messageOf(error)}`));
      resolve();
    });
  });
  const bound = server.address() as AddressInfo;
  return { host: bound.address, port: bound.port };
}
