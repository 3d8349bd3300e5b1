import type { IncomingMessage } from 'node:http';
import { Agent, type RequestOptions, request as startRequest } from 'node:https';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';
import type { Answer } from '../answer.ts';
import { ClientError } from '../errors.ts';
import type { OpenAnswer, Transport, WireRequest, World } from '../transport.ts';

/** The TLS side of a session from Node.js. */
export interface HttpsOptions {
  /** PEM of the service certificate: the only authority that is trusted. */
  readonly serviceCertificate: string;
  /** PEM of the caller's certificate and key, for the certificate policies. */
  readonly client?: { readonly certificate: string; readonly privateKey: string };
  /** Silence after which a request counts as lost, in milliseconds. Longer than any wait for a commit. */
  readonly timeoutMs?: number;
  /** Largest answer that is read, in bytes. */
  readonly answerBytesMax?: number;
  readonly connectionsMax?: number;
  /** Trust whoever answers. Only to look at an identity that is then compared by other means. */
  readonly trustAnybody?: boolean;
}

/** A transport that holds connections until it is disposed of. */
export interface HttpsTransport extends Disposable {
  readonly send: Transport;
  readonly open: (request: WireRequest, signal?: AbortSignal) => Promise<OpenAnswer>;
}

const answerBytesMax = 256 * 1024 * 1024;
/** A receipt with the endorsements of many recoveries travels in a header. */
const answerHeaderBytesMax = 256 * 1024;

/**
 * HTTPS with the service's identity as the only trusted authority. Host names are not compared: a service
 * certifies nobody but its own nodes, so a certificate it issued is proof enough, whatever the address.
 */
export function httpsTransport(options: HttpsOptions): HttpsTransport {
  const agent = new Agent({
    keepAlive: true,
    maxSockets: options.connectionsMax ?? 32,
    ca: options.serviceCertificate,
    rejectUnauthorized: options.trustAnybody !== true,
    checkServerIdentity: () => undefined,
    ...(options.client && { cert: options.client.certificate, key: options.client.privateKey }),
  });
  const limits = {
    timeout: options.timeoutMs ?? 90_000,
    answerBytesMax: options.answerBytesMax ?? answerBytesMax,
  };
  return {
    send: (request) => exchange(agent, limits, request),
    open: (request, signal) => begin(agent, request, signal),
    [Symbol.dispose]: () => agent.destroy(),
  };
}

/** The world of a Node.js process around a transport. */
export function nodeWorld(transport: HttpsTransport): World {
  return { send: transport.send, open: transport.open, sleep: (ms) => delay(ms), now: () => Date.now() };
}

interface Limits {
  readonly timeout: number;
  readonly answerBytesMax: number;
}

function exchange(agent: Agent, limits: Limits, wire: WireRequest): Promise<Answer> {
  const body = wire.body ?? (wire.method === 'POST' || wire.method === 'PUT' ? new Uint8Array() : undefined);
  const length = body === undefined ? {} : { 'content-length': String(body.length) };
  const options: RequestOptions = {
    method: wire.method,
    headers: { ...wire.headers, ...length },
    agent,
    timeout: limits.timeout,
    maxHeaderSize: answerHeaderBytesMax,
  };
  return new Promise((resolve, reject) => {
    let connected = false;
    const request = startRequest(wire.url, options);
    request.on('socket', (socket) => {
      connected = request.reusedSocket;
      if (connected) return;
      const note = () => {
        connected = true;
      };
      socket.once('secureConnect', note);
      request.once('close', () => socket.off('secureConnect', note));
    });
    request.on('timeout', () => request.destroy(new Error(`no answer within ${limits.timeout} ms`)));
    request.on('error', (error) => reject(failure(wire.url, error, connected)));
    request.on('response', (response) => {
      // Once the answer has ended, the socket serves another request.
      const peer = peerOf(response.socket);
      const parts: Buffer[] = [];
      let size = 0;
      response.on('data', (part: Buffer) => {
        size += part.length;
        parts.push(part);
        if (size <= limits.answerBytesMax) return;
        const error = new Error(`the answer has more than ${limits.answerBytesMax} bytes`);
        reject(failure(wire.url, error, true));
        request.destroy();
      });
      response.on('error', (error) => reject(failure(wire.url, error, true)));
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: flat(response.headers),
          body: new Uint8Array(Buffer.concat(parts)),
          ...peer,
        }),
      );
    });
    request.end(body);
  });
}

/** A read whose answer goes on. It may be silent for as long as the service likes. */
function begin(agent: Agent, wire: WireRequest, signal: AbortSignal | undefined): Promise<OpenAnswer> {
  return new Promise((resolve, reject) => {
    const request = startRequest(wire.url, {
      method: wire.method,
      headers: wire.headers,
      agent,
      ...(signal && { signal }),
    });
    request.on('error', (error) => reject(failure(wire.url, error, true)));
    request.on('response', (response) =>
      resolve({
        status: response.statusCode ?? 0,
        headers: flat(response.headers),
        pieces: piecesOf(response, wire.url),
      }),
    );
    request.end();
  });
}

async function* piecesOf(
  response: IncomingMessage,
  url: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const piece of response) yield new Uint8Array(piece as Buffer);
  } catch (error) {
    throw failure(url, error as Error, true);
  } finally {
    response.destroy();
  }
}

/** Certificates by connection: a kept one is asked once. */
const peers = new WeakMap<Socket, Uint8Array>();

function peerOf(socket: Socket): Pick<Answer, 'peerCertificate'> {
  const known = peers.get(socket);
  if (known !== undefined) return { peerCertificate: known };
  const raw = socket instanceof TLSSocket ? socket.getPeerX509Certificate()?.raw : undefined;
  if (raw === undefined) return {};
  const peerCertificate = new Uint8Array(raw);
  peers.set(socket, peerCertificate);
  return { peerCertificate };
}

/** OpenSSL's reasons for refusing a chain, as Node.js names them in `code`. */
const untrusted =
  /^(CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_CA|PATH_LENGTH_|ERR_TLS_CERT_|CRL_|HOSTNAME_MISMATCH)/;

function failure(url: string, error: Error & { code?: string }, connected: boolean): ClientError {
  const { origin } = new URL(url);
  if (error.code !== undefined && untrusted.test(error.code)) {
    // What Node.js advises after the reason is of other people's certificates.
    const [why] = error.message.split(';');
    const reason = `${origin} does not prove to be a node of the pinned service: ${why}`;
    return new ClientError('UntrustedService', reason, { cause: error });
  }
  const reason = error.message === '' ? (error.code ?? 'connection refused') : error.message;
  if (!connected)
    return new ClientError('Unreachable', `${origin} cannot be reached: ${reason}`, { cause: error });
  return new ClientError('Interrupted', `no answer from ${origin}: ${reason}`, { cause: error });
}

function flat(headers: NodeJS.Dict<string | string[]>): Record<string, string> {
  const entries = Object.entries(headers).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.join(', ') : (value ?? ''),
  ]);
  return Object.fromEntries(entries);
}
