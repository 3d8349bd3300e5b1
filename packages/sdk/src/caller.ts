/** A way to say who one is, in the words of `authn_policies`. */
export type PolicyName = 'no_auth' | 'user_cert' | 'member_cert' | 'any_cert' | 'jwt' | 'user_cose_sign1';

/** One way, or several that must hold together. */
export type Policy = PolicyName | { readonly all_of: readonly PolicyName[] };

/** Somebody governance knows by a certificate. */
interface Known<Name extends string> {
  readonly policy: Name;
  /** Hex SHA-256 of the certificate. */
  readonly id: string;
  /** What members recorded about the caller. */
  readonly data: unknown;
  /** PEM. */
  readonly cert: string;
}

/** The caller that each policy gives. */
export interface Callers {
  readonly no_auth: { readonly policy: 'no_auth' };
  readonly user_cert: Known<'user_cert'>;
  readonly member_cert: Known<'member_cert'>;
  readonly any_cert: { readonly policy: 'any_cert'; readonly cert: string };
  readonly jwt: {
    readonly policy: 'jwt';
    readonly jwt: {
      /** The issuer whose key members installed. */
      readonly keyIssuer: string;
      readonly header: Readonly<Record<string, unknown>>;
      readonly payload: Readonly<Record<string, unknown>>;
    };
  };
  readonly user_cose_sign1: Known<'user_cose_sign1'> & { readonly cose: { readonly content: ArrayBuffer } };
}

type CallerOfPolicy<P extends Policy> = P extends PolicyName
  ? Callers[P]
  : P extends { readonly all_of: readonly (infer Name extends PolicyName)[] }
    ? { readonly policy: readonly Name[] } & { readonly [N in Name]: Callers[N] }
    : never;

/** Who may be calling an endpoint with these policies; null when it asks nobody. */
export type CallerOf<Policies extends readonly Policy[]> = Policies extends readonly []
  ? null
  : CallerOfPolicy<Policies[number]>;

/** Whether a token is for this contract; true for callers who came without one. */
export function isMeantFor(caller: unknown, audience: readonly string[]): boolean {
  const token = tokenOf(caller);
  if (token === undefined) return true;
  const { aud } = token;
  const named = Array.isArray(aud) ? aud : [aud];
  return audience.some((each) => named.includes(each));
}

function tokenOf(caller: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof caller !== 'object' || caller === null) return undefined;
  const { policy, jwt } = caller as { policy?: unknown; jwt?: Record<string, unknown> };
  if (jwt === undefined) return undefined;
  // Alone it is the caller's own member; in a group it is a caller under its name.
  const inner = Array.isArray(policy) ? (jwt as { jwt: Record<string, unknown> }).jwt : jwt;
  return inner.payload as Readonly<Record<string, unknown>>;
}
