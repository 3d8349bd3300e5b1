import { fromBase64Url, type Random, sha256ByteString, toBase64Url } from '@coco/crypto';
import { type ByteString, byteStringToBytes, bytesToByteString } from '@coco/kv';
import { AccessError } from './errors.ts';
import { limits } from './limits.ts';

/**
 * Claims of a transaction, field by field, in the spirit of SD-JWT: each field is a text `[salt, name, value]`, its
 * digest stands for it, and the digests together make the claims digest that a receipt proves. Who is shown some of
 * the fields learns nothing of the others, not even how many there are: there are decoys up to a power of two.
 */
export interface Claims {
  /** SHA-256 of each field and decoy, base64url, sorted. */
  readonly digests: readonly string[];
  /** The fields themselves: base64url of `[salt, name, value]` as JSON. */
  readonly disclosures: readonly string[];
}

/** What is shown to an outsider beside the receipt: every digest, and the fields that it may see. */
export type Presentation = Claims;

const saltBytes = 16;
const domain = 'coco claims 1\n';
const utf8 = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** Makes claims of the fields of an object. Throws `TooMuch`. */
export function makeClaims(fields: Readonly<Record<string, unknown>>, random: Random): Claims {
  const entries = Object.entries(fields);
  if (entries.length === 0 || entries.length > limits.claimFieldsMax) {
    throw new AccessError('TooMuch', `claims of ${entries.length} fields: 1 to ${limits.claimFieldsMax}`);
  }
  const disclosures = entries.map(([name, value]) => disclosureOf(name, value, random));
  const digests = disclosures.map(digestOf);
  for (let size = 2 ** Math.ceil(Math.log2(Math.max(4, digests.length))); digests.length < size; ) {
    digests.push(toBase64Url(random(32)));
  }
  return { digests: digests.sort(), disclosures };
}

function disclosureOf(name: string, value: unknown, random: Random): string {
  const text = JSON.stringify([toBase64Url(random(saltBytes)), name, value ?? null]);
  if (text.length <= limits.claimFieldCharactersMax) return toBase64Url(utf8.encode(text));
  throw new AccessError(
    'TooMuch',
    `field ${name} has more than ${limits.claimFieldCharactersMax} characters`,
  );
}

/** The claims digest that a receipt of the transaction proves, 32 bytes. */
export function claimsDigestOf(digests: readonly string[]): ByteString {
  return sha256ByteString(domain + digests.join('\n'));
}

/** Keeps of a presentation only these fields. Throws `DisclosureInvalid` when it does not have one of them. */
export function disclose(claims: Claims, names: readonly string[]): Presentation {
  const fields = new Map(claims.disclosures.map((each) => [fieldOf(each)[0], each]));
  const disclosures = names.map((name) => {
    const disclosure = fields.get(name);
    if (disclosure === undefined)
      throw invalid(`there is no field ${name}: only ${[...fields.keys()].join(', ')}`);
    return disclosure;
  });
  return { digests: claims.digests, disclosures };
}

/**
 * The disclosed fields, each held against the digests. The caller holds `claimsDigestOf(digests)` against a receipt.
 * Throws `DisclosureInvalid`.
 */
export function openClaims(shown: unknown): { digest: ByteString; fields: ReadonlyMap<string, unknown> } {
  const { digests, disclosures } = presentationOf(shown);
  const known = new Set(digests);
  const fields = new Map<string, unknown>();
  for (const disclosure of disclosures) {
    const [name, value] = fieldOf(disclosure);
    if (!known.has(digestOf(disclosure))) throw invalid(`field ${name} is not among the digests`);
    if (fields.has(name)) throw invalid(`field ${name} comes twice`);
    fields.set(name, value);
  }
  return { digest: claimsDigestOf(digests), fields };
}

function presentationOf(shown: unknown): Presentation {
  const { digests, disclosures } = (shown ?? {}) as Partial<Presentation>;
  const isTexts = (list: unknown): list is string[] =>
    Array.isArray(list) && list.every((each) => typeof each === 'string');
  if (!isTexts(digests) || !isTexts(disclosures)) throw invalid('a presentation has digests and disclosures');
  if (digests.length > 2 * limits.claimFieldsMax || disclosures.length > digests.length) {
    throw invalid(`a presentation has at most ${limits.claimFieldsMax} fields`);
  }
  // Joined by line ends they are hashed: a digest that holds one would be two.
  if (!digests.every((each) => /^[A-Za-z0-9_-]{43}$/.test(each))) throw invalid('a digest is not base64url');
  return { digests, disclosures };
}

function digestOf(disclosure: string): string {
  return toBase64Url(byteStringToBytes(sha256ByteString(disclosure)));
}

function fieldOf(disclosure: string): [name: string, value: unknown] {
  try {
    const field: unknown = JSON.parse(decoder.decode(fromBase64Url(disclosure)));
    if (Array.isArray(field) && field.length === 3 && typeof field[1] === 'string')
      return [field[1], field[2]];
  } catch {}
  throw invalid('a disclosed field is not [salt, name, value] in base64url');
}

function invalid(message: string): AccessError {
  return new AccessError('DisclosureInvalid', message);
}

/** A claim as the value of a map, and back. */
export function encodeClaims(claims: Claims): ByteString {
  return bytesToByteString(utf8.encode(JSON.stringify(claims)));
}

/** Reads what `encodeClaims` wrote. */
export function decodeClaims(value: ByteString): Claims {
  return JSON.parse(decoder.decode(byteStringToBytes(value))) as Claims;
}
