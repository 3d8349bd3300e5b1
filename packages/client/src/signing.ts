import { contentType, type GovMessageType, header } from '@coco/api';
import {
  type CoseAlgorithm,
  type CoseHeaders,
  coseLabel,
  draftSign1,
  importPrivateKey,
  parseCertificate,
  type Sign1Draft,
  signEcdsa,
} from '@coco/crypto';
import { ClientError } from './errors.ts';
import type { Request } from './session.ts';

/** Whoever can sign in the name of a certificate: a key in memory, or a hardware module behind a call. */
export interface Signer {
  /** PEM of the certificate that the service knows. */
  readonly certificate: string;
  /** Signs `toBeSigned` by the algorithm, which hashes it. ECDSA signatures are r || s. */
  sign(toBeSigned: Uint8Array, algorithm: CoseAlgorithm): Uint8Array | Promise<Uint8Array>;
}

/** A signer over a private key in PEM. Throws `InvalidArgument` when it is not the key of the certificate. */
export function keySigner(certificate: string, privateKeyPem: string): Signer {
  const key = importPrivateKey(privateKeyPem);
  const certified = parseCertificate(certificate);
  if (key.publicKey.id !== certified.publicKey.id) {
    throw new ClientError(
      'InvalidArgument',
      `the private key is not that of the certificate ${certified.subject}`,
    );
  }
  return {
    certificate,
    sign: (toBeSigned, { name, scheme }) => {
      if (scheme.name === 'ECDSA') return signEcdsa(key, toBeSigned, { hash: scheme.hash, format: 'p1363' });
      throw new ClientError(
        'InvalidArgument',
        `a service accepts ES256, ES384 and ES512 signatures, not ${name}`,
      );
    },
  };
}

/** The id by which a service knows the holder of a certificate, member or user. */
export function idOf(certificate: string): string {
  return parseCertificate(certificate).id;
}

/** A governance message before it is signed. */
export interface GovMessage {
  readonly type: GovMessageType;
  /** Unix time in whole seconds. A service refuses proposals dated earlier than most recent ones. */
  readonly createdAt: number;
  /** Of ballots and withdrawals. */
  readonly proposalId?: string;
  readonly payload: Uint8Array;
}

/**
 * First of the two steps for a key that cannot be reached from here: what to sign, and how to finish. The
 * same message and certificate give the same draft, so the second step may happen elsewhere and later.
 */
export function draftMessage(message: GovMessage, certificate: string): Sign1Draft {
  const headers = new Map<string, string | number>([
    ['ccf.gov.msg.type', message.type],
    ['ccf.gov.msg.created_at', message.createdAt],
  ]);
  if (message.proposalId !== undefined) headers.set('ccf.gov.msg.proposal_id', message.proposalId);
  return draft(headers, message.payload, certificate);
}

/** Signs a governance message: the body of a request to `/gov`. */
export async function signMessage(message: GovMessage, signer: Signer): Promise<Uint8Array> {
  return finish(draftMessage(message, signer.certificate), signer);
}

/**
 * A request to a contract whose body is signed by its user (policy `user_cose_sign1`).
 * `createdAt` is Unix time in seconds.
 */
export async function signedRequest(
  signer: Signer,
  request: { readonly method: string; readonly path: string; readonly payload: Uint8Array },
  dated: { readonly createdAt: number; readonly type?: string },
): Promise<Request> {
  const headers = new Map<string, string | number>([['ccf.msg.created_at', dated.createdAt]]);
  if (dated.type !== undefined) headers.set('ccf.msg.type', dated.type);
  const body = await finish(draft(headers, request.payload, signer.certificate), signer);
  return {
    method: request.method,
    path: request.path,
    headers: { [header.contentType]: contentType.cose },
    body,
  };
}

function draft(
  headers: ReadonlyMap<string, string | number>,
  payload: Uint8Array,
  certificate: string,
): Sign1Draft {
  const { id, publicKey } = parseCertificate(certificate);
  const kid = new TextEncoder().encode(id);
  const all: CoseHeaders = new Map<string | number, string | number | Uint8Array>([
    [coseLabel.kid, kid],
    ...headers,
  ]);
  return draftSign1({ protected: all, payload }, publicKey);
}

async function finish(drafted: Sign1Draft, signer: Signer): Promise<Uint8Array> {
  return drafted.assemble(await signer.sign(drafted.toBeSigned, drafted.algorithm));
}
