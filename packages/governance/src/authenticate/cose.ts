import type { GovMessageType } from '@coco/api';
import {
  CborTag,
  type CoseHeaders,
  CryptoError,
  coseLabel,
  decodeCbor,
  isCborArray,
  parseCertificate,
  parseSign1,
  type Sign1,
  verifySign1,
} from '@coco/crypto';
import { bytesToByteString, type ReadableMapState } from '@coco/kv';
import { GovernanceError } from '../errors.ts';
import { memberCerts, memberInfos } from '../tables/members.ts';
import { userCerts, userInfos } from '../tables/users.ts';
import {
  because,
  type Credentials,
  type MemberCoseIdentity,
  type UserCoseCaller,
  type Verdict,
} from './caller.ts';

const contentTypeOfCose = 'application/cose';
/** ES256, ES384, ES512: no other algorithm signs a governance message. */
const acceptedAlgorithms: readonly unknown[] = [-7, -35, -36];

/** The CBOR tag of COSE_Sign1. */
const sign1Tag = 18;

const govHeader = {
  type: 'ccf.gov.msg.type',
  createdAt: 'ccf.gov.msg.created_at',
  proposalId: 'ccf.gov.msg.proposal_id',
} as const;

interface Expected {
  readonly type: GovMessageType;
  /** Whether the member must have acknowledged the state of the service. */
  readonly active: boolean;
}

/**
 * A member who signed this request as a message of the expected type. The order of the checks is part
 * of the interface: content type, envelope, algorithm, signer, signature, type, status.
 *
 * Throws `MalformedEnvelope` when the body is no signed envelope at all.
 */
export function memberCose(
  state: ReadableMapState,
  credentials: Credentials,
  expected: Expected,
): Verdict<MemberCoseIdentity> {
  const opened = openEnvelope(credentials);
  if ('reason' in opened) return opened;
  const { sign1, kid } = opened;
  const createdAt = createdAtOf(sign1.protected);

  const cert = kid === undefined ? undefined : memberCerts.get(state, kid);
  if (kid === undefined || cert === undefined) return because('Signer is not a known member');
  const payload = verifiedPayload(sign1, cert);
  if (payload === undefined) return because('Failed to validate COSE Sign1');

  const type = textHeader(sign1.protected, govHeader.type);
  const wanted = `expected ${govHeader.type} to be ${expected.type}`;
  if (type === undefined) return because(`Missing ${govHeader.type}, ${wanted}`);
  if (type !== expected.type) return because(`Found ${govHeader.type} set to ${type}, ${wanted}`);
  if (expected.active && memberInfos.get(state, kid)?.status !== 'Active') {
    return because('Signer is not an ACTIVE member');
  }
  return {
    caller: {
      policy: expected.active ? 'active_member_cose_sign1' : 'member_cose_sign1',
      memberId: kid,
      payload,
      signature: sign1.signature,
      envelope: credentials.body,
      createdAt,
      proposalId: textHeader(sign1.protected, govHeader.proposalId),
    },
  };
}

/** A user who signed this request. Throws `MalformedEnvelope` as `memberCose` does. */
export function userCose(state: ReadableMapState, credentials: Credentials): Verdict<UserCoseCaller> {
  const opened = openEnvelope(credentials);
  if ('reason' in opened) return opened;
  const { sign1, kid } = opened;
  const cert = kid === undefined ? undefined : userCerts.get(state, kid);
  if (kid === undefined || cert === undefined) return because('Signer is not a known user');
  const payload = verifiedPayload(sign1, cert);
  if (payload === undefined) return because('Failed to validate COSE Sign1');
  const data = userInfos.get(state, kid)?.user_data ?? null;
  const cose = { content: { $bytes: bytesToByteString(payload) } };
  return { caller: { policy: 'user_cose_sign1', id: kid, data, cert, cose } };
}

function openEnvelope({
  headers,
  body,
}: Credentials): { readonly sign1: Sign1; readonly kid: string | undefined } | { readonly reason: string } {
  const contentType = headers['content-type'];
  if (contentType === undefined) return because('Missing content-type header');
  if (contentType !== contentTypeOfCose) return because(`Content type is not set to ${contentTypeOfCose}`);
  const sign1 = parseEnvelope(body);
  const algorithm = sign1.protected.get(coseLabel.alg);
  if (!acceptedAlgorithms.includes(algorithm)) return because(`Unsupported algorithm: ${String(algorithm)}`);
  const kid = sign1.protected.get(coseLabel.kid);
  return { sign1, kid: kid instanceof Uint8Array ? bytesToByteString(kid) : undefined };
}

function parseEnvelope(body: Uint8Array): Sign1 {
  try {
    return parseSign1(body);
  } catch (cause) {
    throw new GovernanceError('MalformedEnvelope', whatIsMalformed(body), { cause });
  }
}

/** The words in which clients are used to hear what is wrong with an envelope. */
function whatIsMalformed(body: Uint8Array): string {
  try {
    const item = decodeCbor(body, 'any');
    const tag = item instanceof CborTag ? item.tag : undefined;
    if (isCborArray(item instanceof CborTag ? item.value : item)) {
      return tag === sign1Tag ? 'Failed to decode protected header' : 'COSE_Sign1 is not tagged';
    }
  } catch {
    // Not even CBOR.
  }
  return 'Failed to parse COSE_Sign1 outer array';
}

/** The payload when the signature verifies with the key of the certificate; the dates are not asked. */
function verifiedPayload(sign1: Sign1, certificatePem: string): Uint8Array | undefined {
  try {
    return verifySign1(sign1, parseCertificate(certificatePem).publicKey);
  } catch (error) {
    if (error instanceof CryptoError) return undefined;
    throw error;
  }
}

function textHeader(headers: CoseHeaders, label: string): string | undefined {
  const value = headers.get(label);
  return typeof value === 'string' ? value : undefined;
}

/** Seconds, from a header that every governance message must carry. A huge value is kept huge, not wrapped. */
function createdAtOf(headers: CoseHeaders): number {
  const value = headers.get(govHeader.createdAt);
  if ((typeof value === 'number' && Number.isInteger(value)) || typeof value === 'bigint') {
    if (value >= 0) return Number(value);
  }
  const found = value === undefined ? 'is missing' : 'is not a whole number of seconds';
  throw new GovernanceError('MalformedEnvelope', `Protected header ${govHeader.createdAt} ${found}.`);
}
