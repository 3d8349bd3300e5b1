import { json, raw, text } from './codec.ts';
import { serviceMap } from './table.ts';

/** Value of `jwt.issuers`. */
export interface JwtIssuer {
  readonly issuer?: string;
  readonly auto_refresh?: boolean;
  readonly ca_cert_bundle_name?: string;
}

/** One signing key of a token issuer: base64 DER of the key, and whom it may speak for. */
export interface SigningKey {
  readonly public_key: string;
  readonly issuer: string;
  readonly constraint?: string;
}

/** Issuers by name. */
export const jwtIssuers = serviceMap('public:ccf.gov.jwt.issuers', json<JwtIssuer>());
/** Signing keys by key id. */
export const jwtSigningKeys = serviceMap(
  'public:ccf.gov.jwt.public_signing_keys_metadata_v2',
  json<readonly SigningKey[]>(),
);
/** DER certificate by key id, of ledgers older than the table above; only read. */
export const legacySigningKeys = serviceMap('public:ccf.gov.jwt.public_signing_key', raw);
/** Issuer by key id, beside it. */
export const legacySigningKeyIssuers = serviceMap('public:ccf.gov.jwt.public_signing_key_issuer', text);
