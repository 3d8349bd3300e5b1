import type { ByteString } from '@coco/kv';
import type { MemberId } from '../tables/members.ts';

/** What TLS says of a client's certificate. `Certificate` of the crypto room has all of it. */
export interface ClientCertificate {
  /** Hex SHA-256 of the DER. */
  readonly id: string;
  readonly pem: string;
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly publicKey: { readonly id: string };
}

/** What of a request can prove who sent it. Parse the certificate once per connection. */
export interface Credentials {
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly certificate: ClientCertificate | null;
}

/** Somebody known by a certificate, with what governance recorded about them. */
export interface CertificateCaller {
  readonly policy: 'user_cert' | 'member_cert';
  readonly id: string;
  readonly data: unknown;
  /** PEM. */
  readonly cert: string;
}

/** The bearer of a token that verified. */
export interface JwtCaller {
  readonly policy: 'jwt';
  readonly jwt: {
    /** The issuer under which governance installed the key, not what the token claims. */
    readonly keyIssuer: string;
    readonly header: Readonly<Record<string, unknown>>;
    readonly payload: Readonly<Record<string, unknown>>;
  };
}

/** A user who signed the body of the request. */
export interface UserCoseCaller {
  readonly policy: 'user_cose_sign1';
  readonly id: string;
  readonly data: unknown;
  readonly cert: string;
  /** Written as contracts take bytes. */
  readonly cose: { readonly content: { readonly $bytes: ByteString } };
}

/** A member who signed the body of the request; everything here was under the signature. */
export interface MemberCoseIdentity {
  readonly policy: 'member_cose_sign1' | 'active_member_cose_sign1';
  readonly memberId: MemberId;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
  /** The whole signed request, as it came. */
  readonly envelope: Uint8Array;
  /** Seconds since 1970, by the member's own clock. */
  readonly createdAt: number;
  /** The proposal a ballot or withdrawal is about. */
  readonly proposalId: string | undefined;
}

/** Everybody of a group of policies. */
export interface AllOfCaller {
  /** Sorted names; each is also a key of this object. */
  readonly policy: readonly string[];
  readonly [policy: string]: unknown;
}

/** Who is calling, as a contract or a handler sees it. */
export type Caller =
  | { readonly policy: 'no_auth' }
  | { readonly policy: 'any_cert'; readonly cert: string }
  | { readonly policy: 'node_cert'; readonly id: string }
  | CertificateCaller
  | JwtCaller
  | UserCoseCaller
  | MemberCoseIdentity
  | AllOfCaller;

/** Outcome of one policy: somebody, or the reason why not, in the words clients know. */
export type Verdict<C extends Caller = Caller> = { readonly caller: C } | { readonly reason: string };

/** Not this policy, because. */
export function because(reason: string): { readonly reason: string } {
  return { reason };
}
