import {
  CryptoError,
  fromBase64,
  type Jwk,
  parseCertificate,
  publicKeyFromJwk,
  toBase64,
} from '@coco/crypto';
import type { Tx } from '@coco/kv';
import { urlParts } from './authenticate/jwt.ts';
import { GovernanceError } from './errors.ts';
import { jwtSigningKeys, type SigningKey } from './tables/jwt.ts';

/** One key of a JSON Web Key Set; `issuer` is an extension that narrows whom the key may speak for. */
export interface IssuerKey extends Jwk {
  readonly x5c?: readonly string[];
  readonly issuer?: string;
}

/**
 * Makes these the keys of an issuer: new ones are added, changed ones replaced, absent ones removed; the
 * keys of other issuers under the same key id stay. Throws `InvalidSigningKeys` and then writes nothing.
 */
export function setJwtSigningKeys(tx: Tx, issuer: string, keys: readonly IssuerKey[]): void {
  if (keys.length === 0)
    throw new GovernanceError('InvalidSigningKeys', `Issuer ${issuer}: the key set is empty.`);
  const wanted = new Map<string, SigningKey>();
  for (const key of keys) {
    if (typeof key.kid !== 'string') throw invalid(issuer, 'a key has no kid');
    if (wanted.has(key.kid)) continue;
    wanted.set(key.kid, signingKey(issuer, key.kid, key));
  }
  for (const [kid, known] of jwtSigningKeys.entries(tx)) {
    if (!wanted.has(kid)) writeKeys(tx, kid, known, without(known, issuer));
  }
  for (const [kid, key] of wanted) {
    const known = jwtSigningKeys.get(tx, kid) ?? [];
    const place = known.findIndex((each) => each.issuer === issuer);
    writeKeys(tx, kid, known, place < 0 ? [...known, key] : known.with(place, key));
  }
}

/** Takes all keys from an issuer. */
export function removeJwtSigningKeys(tx: Tx, issuer: string): void {
  for (const [kid, known] of jwtSigningKeys.entries(tx)) writeKeys(tx, kid, known, without(known, issuer));
}

function without(keys: readonly SigningKey[], issuer: string): readonly SigningKey[] {
  return keys.filter((key) => key.issuer !== issuer);
}

/** A refresh every half hour mostly finds the same keys: no write then, and no entry in the ledger. */
function writeKeys(tx: Tx, kid: string, known: readonly SigningKey[], keys: readonly SigningKey[]): void {
  if (JSON.stringify(known) === JSON.stringify(keys)) return;
  if (keys.length === 0) jwtSigningKeys.delete(tx, kid);
  else jwtSigningKeys.set(tx, kid, keys);
}

function signingKey(issuer: string, kid: string, key: IssuerKey): SigningKey {
  const { issuer: constraint } = key;
  if (constraint !== undefined && !mayConstrain(issuer, constraint)) {
    throw invalid(issuer, `kid ${kid} has issuer constraint ${constraint}, which is not of its domain`);
  }
  const public_key = toBase64(publicKeyDer(issuer, kid, key));
  return constraint === undefined ? { public_key, issuer } : { public_key, issuer, constraint };
}

function publicKeyDer(issuer: string, kid: string, key: IssuerKey): Uint8Array {
  try {
    if (key.n && key.e) return publicKeyFromJwk({ kty: 'RSA', n: key.n, e: key.e }).spki;
    if (key.x && key.y && key.crv) {
      return publicKeyFromJwk({ kty: 'EC', crv: key.crv, x: key.x, y: key.y }).spki;
    }
    const leaf = key.x5c?.[0];
    if (leaf !== undefined) return parseCertificate(fromBase64(leaf)).publicKey.spki;
  } catch (cause) {
    if (cause instanceof CryptoError) throw invalid(issuer, `kid ${kid}: ${cause.message}`);
    throw cause;
  }
  throw invalid(issuer, `kid ${kid} has neither RSA/EC public key or x5c`);
}

/** A key may speak for its issuer's own domain or a parent of it, so that nobody installs keys for others. */
function mayConstrain(issuer: string, constraint: string): boolean {
  const own = urlParts(issuer)?.host ?? '';
  const asked = urlParts(constraint)?.host ?? '';
  return asked !== '' && (own === asked || own.endsWith(`.${asked}`));
}

function invalid(issuer: string, what: string): GovernanceError {
  return new GovernanceError('InvalidSigningKeys', `Issuer ${issuer}: ${what}.`);
}
