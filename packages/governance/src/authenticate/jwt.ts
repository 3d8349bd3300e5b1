import {
  CryptoError,
  fromBase64,
  fromBase64Url,
  importPublicKey,
  type PublicKey,
  parseCertificate,
  toBase64,
  verifyEcdsa,
  verifyRsaPkcs1,
} from '@coco/crypto';
import {
  byteStringToBytes,
  byteStringToUtf8,
  bytesToByteString,
  type ReadableMapState,
  utf8ToByteString,
} from '@coco/kv';
import { governanceLimits } from '../limits.ts';
import {
  jwtSigningKeys,
  legacySigningKeyIssuers,
  legacySigningKeys,
  type SigningKey,
} from '../tables/jwt.ts';
import { because, type Credentials, type JwtCaller, type Verdict } from './caller.ts';
import { memo } from './memo.ts';

type Claims = Readonly<Record<string, unknown>>;

interface Token {
  readonly header: Claims;
  readonly payload: Claims;
  readonly algorithm: Algorithm;
  readonly kid: string;
  readonly exp: number;
  readonly iss: string;
  readonly nbf: number | undefined;
  readonly tid: string | undefined;
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
}

/** The algorithms a token may be signed with. `none`, and every symmetric one, is not among them. */
const algorithms = {
  RS256: (key: PublicKey, signature: Uint8Array, data: Uint8Array) =>
    verifyRsaPkcs1(key, signature, data, { hash: 'SHA-256' }),
  ES256: (key: PublicKey, signature: Uint8Array, data: Uint8Array) =>
    verifyEcdsa(key, signature, data, { hash: 'SHA-256', format: 'p1363' }),
} as const;
type Algorithm = keyof typeof algorithms;

const wrongSignature = 'Signature verification failed';

const signingKeysRemembered = 64;
const keyOf = memo(signingKeysRemembered, (der64: string): PublicKey => {
  const der = fromBase64(der64);
  try {
    return importPublicKey(der);
  } catch {
    // Ledgers older than the present table hold certificates instead of keys.
    return parseCertificate(der).publicKey;
  }
});

/** The bearer of a token signed by a key that governance installed. `now` in ms; no leeway is given. */
export function jwt(state: ReadableMapState, credentials: Credentials, now: number): Verdict<JwtCaller> {
  const token = parseToken(credentials.headers.authorization);
  if ('reason' in token) return token;
  const keys = signingKeys(state, token.kid);
  if (keys.length === 0) return because(`JWT signing key not found for kid ${token.kid}`);

  let reason = wrongSignature;
  for (const key of keys) {
    const refused = refusal(token, key, Math.floor(now / 1000));
    if (refused === undefined) {
      const { header, payload } = token;
      return { caller: { policy: 'jwt', jwt: { keyIssuer: key.issuer, header, payload } } };
    }
    // Of a key that did sign the token it is worth knowing why that was not enough.
    if (refused !== wrongSignature) reason = refused;
  }
  return because(reason);
}

function signingKeys(state: ReadableMapState, kid: string): readonly SigningKey[] {
  const keys = jwtSigningKeys.get(state, kid);
  if (keys !== undefined) return keys;
  const certificate = legacySigningKeys.get(state, kid);
  const issuer = legacySigningKeyIssuers.get(state, kid);
  if (certificate === undefined || issuer === undefined) return [];
  return [{ public_key: toBase64(byteStringToBytes(certificate)), issuer }];
}

/** Why this key does not vouch for the token now; undefined when it does. */
function refusal(token: Token, key: SigningKey, nowSeconds: number): string | undefined {
  if (!signedBy(token, key)) return wrongSignature;
  if (token.nbf !== undefined && nowSeconds < token.nbf) {
    return `Current time ${nowSeconds} is before token's Not Before (nbf) claim ${token.nbf}`;
  }
  if (nowSeconds > token.exp) {
    return `Current time ${nowSeconds} is after token's Expiration Time (exp) claim ${token.exp}`;
  }
  if (key.constraint !== undefined && key.constraint !== null && !issuerAllowed(token, key.constraint)) {
    return `Kid ${token.kid} failed issuer constraint validation ${key.constraint}`;
  }
  return undefined;
}

function signedBy(token: Token, key: SigningKey): boolean {
  try {
    algorithms[token.algorithm](keyOf(key.public_key), token.signature, token.signed);
    return true;
  } catch (error) {
    if (error instanceof CryptoError) return false;
    throw error;
  }
}

const entraHost = 'login.microsoftonline.com';

/**
 * May tokens of this issuer be signed by a key so constrained? Microsoft Entra signs for all its tenants
 * with the same keys, so there the tenant must be part of the issuer and be the one the token names.
 */
function issuerAllowed({ iss, tid }: Token, constraint: string): boolean {
  if (urlParts(constraint)?.host !== entraHost) return iss === constraint && tid === undefined;
  const expected = tid === undefined ? constraint : constraint.replace('{tenantid}', () => tid);
  if (iss !== expected || tid === undefined) return false;
  const tenant = urlParts(iss)
    ?.path.split('/')
    .find((segment) => segment !== '');
  return tenant === tid;
}

/** Host and path of an absolute URL, unencoded as they stand. */
export function urlParts(url: string): { readonly host: string; readonly path: string } | undefined {
  const match = /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?#@]*@)?([^/?#:]*)(?::[0-9]*)?([^?#]*)/i.exec(url);
  return match ? { host: match[1] ?? '', path: match[2] ?? '' } : undefined;
}

function parseToken(authorization: string | undefined): Token | { readonly reason: string } {
  if (authorization === undefined) return because('Missing authorization header');
  const space = authorization.indexOf(' ');
  if (space < 0) return because('Authorization header only contains one field');
  if (authorization.slice(0, space) !== 'Bearer') {
    return because('Authorization header does not have Bearer scheme');
  }
  const text = authorization.slice(space + 1);
  if (text.length > governanceLimits.tokenCharactersMax) return because('Malformed JWT: too long');
  const parts = text.split('.', 4);
  const [header64, payload64, signature64] = parts;
  if (header64 === undefined || payload64 === undefined || signature64 === undefined || parts.length !== 3) {
    return because('Malformed JWT: must contain exactly 3 parts');
  }
  const header = parsePart(header64);
  const payload = parsePart(payload64);
  const signature = decodePart(signature64);
  if (header === undefined || payload === undefined || signature === undefined) {
    return because('JWT header or payload is not valid JSON: each part must be base64url of a JSON object');
  }
  const signed = byteStringToBytes(utf8ToByteString(`${header64}.${payload64}`));
  return checkClaims(header, payload, { signed, signature });
}

function checkClaims(
  header: Claims,
  payload: Claims,
  rest: Pick<Token, 'signed' | 'signature'>,
): Token | { readonly reason: string } {
  const { alg, kid } = header;
  if (typeof alg !== 'string' || !Object.hasOwn(algorithms, alg)) {
    return because('JWT header does not follow schema: alg must be RS256 or ES256');
  }
  if (typeof kid !== 'string') return because('JWT header does not follow schema: kid must be text');
  const { exp, iss, nbf, tid } = payload;
  if (!isNumericDate(exp)) return because('JWT payload is missing required field: exp');
  if (typeof iss !== 'string') return because('JWT payload is missing required field: iss');
  if (nbf !== undefined && !isNumericDate(nbf)) return because('JWT payload does not follow schema: nbf');
  if (tid !== undefined && typeof tid !== 'string') return because('JWT payload does not follow schema: tid');
  return { header, payload, algorithm: alg as Algorithm, kid, exp, iss, nbf, tid, ...rest };
}

function isNumericDate(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function parsePart(part: string): Claims | undefined {
  const bytes = decodePart(part);
  if (bytes === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(byteStringToUtf8(bytesToByteString(bytes)));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Claims)
      : undefined;
  } catch {
    return undefined;
  }
}

function decodePart(part: string): Uint8Array | undefined {
  try {
    return fromBase64Url(part);
  } catch {
    return undefined;
  }
}
