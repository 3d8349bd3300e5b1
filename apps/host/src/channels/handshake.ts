import { createHash } from 'node:crypto';
import { connect, createServer, type Server, type TLSSocket, type TlsOptions } from 'node:tls';
import type { HostPort } from '../configuration/units.ts';
import { messageOf } from '../errors.ts';
import type { Identity } from '../http/listener.ts';
import { limits } from '../limits.ts';

/** The protocol that both ends agree on in the handshake; its number changes with the frames or their meaning. */
const protocol = 'coco-node/1';

/** TLS as both ends want it. Certificates are judged by their keys, which is why no authority is named. */
const tls = {
  minVersion: 'TLSv1.3',
  maxVersion: 'TLSv1.3',
  ALPNProtocols: [protocol],
  rejectUnauthorized: false,
  ca: [],
} as const satisfies TlsOptions;

/** What a node presents, as TLS wants it. */
function presented({ certificatePem, privateKeyPem }: Identity) {
  return { cert: certificatePem, key: privateKeyPem };
}

/**
 * The id of the node at the other end: hex SHA-256 of the key (SPKI DER) that it has just proven to hold. Null when
 * it presented no certificate, or speaks another protocol.
 */
export function provenId(socket: TLSSocket): string | null {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined || socket.alpnProtocol !== protocol) return null;
  const spki = certificate.publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(spki).digest('hex');
}

/** How a dial may end: with exactly one of these calls, unless it is abandoned. */
export interface DialOutcome {
  connected(socket: TLSSocket): void;
  failed(why: string): void;
}

/** A dial under way. */
export interface Dialled {
  /** Ends it without a word. */
  abandon(): void;
}

/** Connects to a node that must prove to be the one with this id; nothing is sent before it has. */
export function dial(
  { host, port }: HostPort,
  id: string,
  identity: Identity,
  outcome: DialOutcome,
): Dialled {
  let settled = false;
  const settle = (act: () => void) => {
    if (settled) return;
    settled = true;
    clearTimeout(patience);
    act();
  };
  const socket = connect({ ...tls, ...presented(identity), host, port });
  const fail = (why: string) => {
    socket.destroy();
    settle(() => outcome.failed(why));
  };
  const patience = setTimeout(() => fail(`no handshake within ${limits.dialMsMax} ms`), limits.dialMsMax);
  socket.setNoDelay(true);
  socket.on('error', (error) => fail(messageOf(error)));
  socket.on('close', () => fail('it closed the connection'));
  socket.on('secureConnect', () => {
    const proven = provenId(socket);
    if (proven === id) settle(() => outcome.connected(socket));
    else fail(proven === null ? 'it does not speak as a node' : `it has the key of node ${proven}`);
  });
  return {
    abandon() {
      settle(() => {});
      socket.destroy();
    },
  };
}

/** A server whose handshakes end in `accepted` with the id that the other end has proven, or are refused. */
export function acceptor(
  accepted: (socket: TLSSocket, id: string) => void,
  refused: (why: string) => void,
): Server {
  const server = createServer(
    { ...tls, requestCert: true, handshakeTimeout: limits.dialMsMax, noDelay: true },
    (socket) => {
      const from = `${socket.remoteAddress}`;
      const id = provenId(socket);
      socket.on('error', () => socket.destroy());
      if (id !== null) {
        accepted(socket, id);
        return;
      }
      socket.destroy();
      refused(`${from} presented no certificate`);
    },
  );
  server.maxConnections = limits.channelConnectionsMax;
  server.on('tlsClientError', (error, socket) => {
    refused(`${socket.remoteAddress}: ${messageOf(error)}`);
    socket.destroy();
  });
  return server;
}

/** Presents this identity to connections that come from now on. */
export function present(server: Server, identity: Identity): void {
  server.setSecureContext({ ...tls, ...presented(identity) });
}
