import type { NetworkOut, NodeOut, NodesOut, StateOut } from '@coco/api';
import { parseCertificate } from '@coco/crypto';
import { accepted, jsonOf } from './answer.ts';
import { ClientError } from './errors.ts';
import { Session, type SessionOptions } from './session.ts';
import { checkMemory } from './transactions.ts';
import type { World } from './transport.ts';

/**
 * Opens a session and holds the service to what is known of it: its identity is the pinned one, and it has
 * not gone back on what an earlier session saw committed.
 */
export async function connect(world: World, options: SessionOptions): Promise<Session> {
  const session = new Session(world, options);
  await checkIdentity(session);
  await checkMemory(session);
  return session;
}

/**
 * Compares the identity the service states with the pinned one, by key: a renewed certificate of the same
 * key is the same service. Throws `UntrustedService`.
 */
export async function checkIdentity(session: Session): Promise<NetworkOut> {
  const stated = await network(session);
  const pinned = parseCertificate(session.serviceCertificate).publicKey.id;
  const actual = parseCertificate(stated.service_certificate).publicKey.id;
  if (pinned === actual) return stated;
  const recovered = stated.recovery_count > 0 ? ' (it was recovered from a disaster: ask its members)' : '';
  throw new ClientError(
    'UntrustedService',
    `the service has another identity than the pinned one${recovered}: ${actual}, not ${pinned}`,
  );
}

/** The service as the contacted node sees it. */
export async function network(session: Session): Promise<NetworkOut> {
  return get<NetworkOut>(session, '/node/network');
}

/** Where the contacted node stands. */
export async function nodeState(session: Session): Promise<StateOut> {
  return get<StateOut>(session, '/node/state');
}

/** The nodes of the service. */
export async function nodes(session: Session): Promise<readonly NodeOut[]> {
  return (await get<NodesOut>(session, '/node/network/nodes')).nodes;
}

/** Learns the addresses of all trusted nodes, so that the session survives the loss of the known ones. */
export async function discover(session: Session): Promise<readonly string[]> {
  const trusted = (await nodes(session)).filter((node) => node.status === 'Trusted');
  const published = trusted.flatMap((node) =>
    Object.values(node.rpc_interfaces).map(({ published_address }) => published_address),
  );
  session.learn(published);
  return session.addresses;
}

/** Fetches a JSON answer by GET; throws `Refused` when the service does not give it. */
export async function get<T>(session: Session, path: string): Promise<T> {
  return jsonOf<T>(accepted(await session.request({ method: 'GET', path }), path));
}
