import {
  generateKeyPair,
  type PrivateKey,
  publicKeyToJwk,
  sha256,
  signEcdsa,
  toBase64,
  toBase64Url,
  toHex,
} from '@coco/crypto';
import {
  accessParties,
  accessUsers,
  memberCerts,
  memberInfos,
  setJwtSigningKeys,
  userCerts,
  userInfos,
} from '@coco/governance';
import type { Tx } from '@coco/kv';

/** Somebody with a certificate. The id is made from the name, so that snapshots stay the same. */
export interface Person {
  readonly kind: 'user' | 'member' | 'stranger';
  readonly name: string;
  /** Hex, as governance knows the person. */
  readonly id: string;
  /** Stands for a certificate: a contract that parses it needs a real one, given with `certificate`. */
  readonly pem: string;
}

/** What can be said of a person. */
export interface PersonOptions {
  /** What members recorded: `caller.data`. */
  readonly data?: unknown;
  /** The organisation the person acts for, and the roles members gave; see `tx.caller` of the SDK. */
  readonly party?: string;
  readonly roles?: readonly string[];
  /** Id and PEM of a real certificate. */
  readonly certificate?: { readonly id: string; readonly pem: string };
}

/** Makes a person, and has governance know them unless a stranger. */
export function enrol(tx: Tx, kind: Person['kind'], name: string, options: PersonOptions): Person {
  const seed = new TextEncoder().encode(`${kind}:${name}`);
  const { id, pem } = options.certificate ?? { id: toHex(sha256(seed)), pem: standIn(seed) };
  if (kind === 'user') {
    userCerts.set(tx, id, pem);
    if (options.data !== undefined) userInfos.set(tx, id, { user_data: options.data });
  } else if (kind === 'member') {
    memberCerts.set(tx, id, pem);
    const data = options.data === undefined ? {} : { member_data: options.data };
    memberInfos.set(tx, id, { status: 'Active', ...data });
  }
  const { party, roles } = options;
  if (party !== undefined) accessParties.set(tx, party, {});
  if (party !== undefined || roles !== undefined) {
    accessUsers.set(tx, id, {
      ...(party === undefined ? {} : { party }),
      ...(roles === undefined ? {} : { roles }),
    });
  }
  return { kind, name, id, pem };
}

function standIn(seed: Uint8Array): string {
  return `-----BEGIN CERTIFICATE-----\n${toBase64(seed)}\n-----END CERTIFICATE-----\n`;
}

/** Issues tokens that the service's own rules verify. */
export class TokenIssuer {
  readonly issuer = 'https://issuer.test';
  readonly #key: PrivateKey = generateKeyPair('P-256');

  /** Has governance trust it, as `set_jwt_issuer` does. */
  install(tx: Tx): void {
    const jwk = publicKeyToJwk(this.#key.publicKey);
    setJwtSigningKeys(tx, this.issuer, [{ ...jwk, kid: 'test' }]);
  }

  token(claims: Readonly<Record<string, unknown>>): string {
    const part = (value: object) => toBase64Url(new TextEncoder().encode(JSON.stringify(value)));
    const header = part({ alg: 'ES256', typ: 'JWT', kid: 'test' });
    const signed = `${header}.${part({ iss: this.issuer, ...claims })}`;
    const signature = signEcdsa(this.#key, new TextEncoder().encode(signed), {
      hash: 'SHA-256',
      format: 'p1363',
    });
    return `${signed}.${toBase64Url(signature)}`;
  }
}
