import type { AttestationOut, NetworkOut } from '@coco/api';
import {
  AttestationError,
  type Check,
  type Claims,
  type Policy,
  type Roots,
  readQuoteInfo,
  vendorRoots,
  verify,
} from '@coco/attestation';
import { type Certificate, CryptoError, parseCertificate, verifyIssuedBy } from '@coco/crypto';
import { accepted, jsonOf } from './answer.ts';
import { ClientError } from './errors.ts';
import { versioned } from './governance.ts';
import type { Session } from './session.ts';

/** What a caller accepts of a node's platform. There is no default: whoever accepts all says so. */
export interface NodeExpectation {
  readonly policy: Policy;
  /** Default: the vendors' own. */
  readonly roots?: Roots;
  /** Evidence that was verified longer ago is refused. Default: any age, as long as the node counts. */
  readonly ageMsMax?: number;
}

/** A node that is what its hardware says it is. */
export interface AttestedNode {
  readonly id: string;
  readonly claims: Claims;
  readonly checks: readonly Check[];
  /** When the service verified the evidence: milliseconds since 1970. */
  readonly verified: number;
  /** PEM of the service that endorses the node: what may be pinned from now on. */
  readonly serviceCertificate: string;
}

/**
 * Verifies the node this session talks to: its evidence is authentic and accepted, binds the very key that TLS
 * proved, still counts with its service, and the service it names certifies that key. With that a service can
 * be known by the code its nodes run, when nobody handed over its certificate. Throws `UntrustedService`
 * naming the check that failed.
 */
export async function attestNode(session: Session, expected: NodeExpectation): Promise<AttestedNode> {
  const path = versioned('/gov/service/attestation');
  const answer = await session.request({ method: 'GET', path });
  const peer = peerOf(answer.peerCertificate);
  const { nodes } = jsonOf<AttestationOut>(accepted(answer, path));
  const stated = nodes.find(({ nodeId }) => nodeId === peer.publicKey.id);
  if (stated === undefined) throw untrusted(`node ${peer.publicKey.id} is none that its service trusts`);
  const { claims, checks } = verifyEvidence(stated, peer, expected, session.world.now());
  const verified = checkStanding(stated, expected, session.world.now());
  const serviceCertificate = await endorsingService(session, peer);
  return { id: stated.nodeId, claims, checks, verified, serviceCertificate };
}

type StatedNode = AttestationOut['nodes'][number];

function peerOf(der: Uint8Array | undefined): Certificate {
  if (der !== undefined) return parseCertificate(der);
  throw untrusted('this transport does not tell the key of the other end, so evidence cannot be held to it');
}

/** As of when the service verified it: certificates of evidence live shorter than nodes. */
function verifyEvidence(
  { quote, nonce, verified }: StatedNode,
  { publicKey }: Certificate,
  { policy, roots = vendorRoots }: NodeExpectation,
  now: number,
) {
  try {
    const { evidence, endorsements } = readQuoteInfo(quote);
    const fresh = nonce === undefined ? {} : { nonce: Uint8Array.fromHex(nonce) };
    const trust = { roots, policy, expected: { publicKey: publicKey.spki, ...fresh } };
    return verify(evidence, endorsements, trust, verified ?? now);
  } catch (error) {
    if (!(error instanceof AttestationError)) throw error;
    throw untrusted(`its evidence is refused: ${error.code}: ${error.message}`, error);
  }
}

function checkStanding(
  { counts, refusal, verified }: StatedNode,
  { ageMsMax }: NodeExpectation,
  now: number,
) {
  if (!counts)
    throw untrusted(`its service does not count it any more: ${refusal?.message ?? 'its lease ran out'}`);
  const at = verified ?? 0;
  if (ageMsMax !== undefined && now - at > ageMsMax) {
    throw untrusted(`its evidence is of ${new Date(at).toISOString()}, which is too old`);
  }
  return at;
}

async function endorsingService(session: Session, peer: Certificate): Promise<string> {
  const path = '/node/network';
  const answer = await session.request({ method: 'GET', path });
  // Two connections, or a redirect, may lead to two nodes.
  if (peerOf(answer.peerCertificate).publicKey.id !== peer.publicKey.id) {
    throw untrusted('another node answered in between: attest nodes one at a time, each by its address');
  }
  const { service_certificate: pem } = jsonOf<NetworkOut>(accepted(answer, path));
  try {
    const service = parseCertificate(pem);
    verifyIssuedBy(peer, service);
    if (session.serviceCertificate === '') return pem;
    const pinned = parseCertificate(session.serviceCertificate);
    if (pinned.publicKey.id === service.publicKey.id) return pem;
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error;
    throw untrusted(`the service it names does not certify it: ${error.message}`, error);
  }
  throw untrusted('it belongs to another service than the pinned one');
}

function untrusted(why: string, cause?: unknown): ClientError {
  return new ClientError('UntrustedService', `the node is not trusted: ${why}`, { cause });
}
