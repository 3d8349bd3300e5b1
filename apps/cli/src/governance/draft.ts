import { draftMessage, type GovMessage, type GovRequest } from '@coco/client';
import {
  digest,
  ecdsaFromDer,
  fromBase64,
  fromBase64Url,
  parseCertificate,
  parseSign1,
  toBase64,
  toBase64Url,
  verifySign1,
} from '@coco/crypto';
import { CliError } from '../errors.ts';

/**
 * What `prepare` prints: `alg` and `value` are what a key vault's sign operation takes (base64url of the
 * digest); the rest lets `finish` build the same message again.
 */
export interface DraftJson {
  readonly alg: string;
  readonly value: string;
  /** The bytes that the digest is of, base64. */
  readonly toBeSigned: string;
  readonly path: string;
  readonly certificate: string;
  readonly message: {
    readonly type: GovMessage['type'];
    readonly createdAt: number;
    readonly proposalId?: string;
    readonly payload: string;
  };
}

/** Drafts a request for a signer elsewhere. */
export function draftJson(request: GovRequest, certificate: string): DraftJson {
  const { message } = request;
  const { algorithm, toBeSigned } = draftMessage(message, certificate);
  const { scheme } = algorithm;
  if (scheme.name !== 'ECDSA') throw new CliError('Failed', `members sign by EC keys, not ${algorithm.name}`);
  return {
    alg: algorithm.name,
    value: toBase64Url(digest(scheme.hash, toBeSigned)),
    toBeSigned: toBase64(toBeSigned),
    path: request.path,
    certificate,
    message: { ...message, payload: toBase64(message.payload) },
  };
}

/** Reads what `draftJson` wrote. */
export function readDraft(text: string): DraftJson {
  try {
    const draft = JSON.parse(text) as DraftJson;
    if (typeof draft.path === 'string' && typeof draft.message.payload === 'string') return draft;
  } catch {
    // Falls through: whatever is wrong with it, it is not what prepare wrote.
  }
  throw new CliError('Failed', 'this is no draft: make one with coco governance prepare');
}

/**
 * Joins a signature to a draft and checks that it holds. The signature is r || s or DER, as bytes or as
 * JSON `{"value": "<base64 or base64url>"}`.
 */
export function envelopeOf(draft: DraftJson, given: Uint8Array): Uint8Array {
  const { certificate, message } = draft;
  const drafted = draftMessage({ ...message, payload: fromBase64(message.payload) }, certificate);
  const { publicKey } = parseCertificate(certificate);
  const envelope = drafted.assemble(plain(given, publicKey.curve));
  try {
    verifySign1(parseSign1(envelope), publicKey);
    return envelope;
  } catch (cause) {
    throw new CliError('Failed', 'the signature is not one of this draft by the key of the certificate', {
      cause,
    });
  }
}

const plainBytes = { 'P-256': 64, 'P-384': 96, 'P-521': 132 } as const;

/** r || s, whichever form the signature came in: that itself, DER, or JSON around r || s. */
function plain(given: Uint8Array, curve: keyof typeof plainBytes | undefined): Uint8Array {
  if (curve === undefined || given.length === plainBytes[curve]) return given;
  if (given[0] === '{'.charCodeAt(0)) return valueIn(given);
  try {
    return ecdsaFromDer(given, curve);
  } catch (cause) {
    throw new CliError('Failed', `the signature is neither r || s nor DER of ${curve}`, { cause });
  }
}

/** Vaults answer in base64url, CCF's tools in base64. */
function valueIn(json: Uint8Array): Uint8Array {
  try {
    const { value } = JSON.parse(new TextDecoder().decode(json)) as { value: string };
    return fromBase64Url(value.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, ''));
  } catch (cause) {
    throw new CliError('Failed', 'the signature file is JSON without a base64 "value"', { cause });
  }
}
