import { type AuthDetail, challenge as challengeOf, type GovMessageType } from '@coco/api';
import type { ReadableMapState } from '@coco/kv';
import { GovernanceError } from '../errors.ts';
import type { PolicyName } from '../tables/application.ts';
import type { AllOfCaller, Caller, Credentials, Verdict } from './caller.ts';
import { anyCertificate, memberCertificate, nodeCertificate, userCertificate } from './certificate.ts';
import { memberCose, userCose } from './cose.ts';
import { jwt } from './jwt.ts';

/** A member's signature over a message of one type; the member must be active, or need not be. */
export interface MemberCosePolicy {
  readonly policy: 'member_cose_sign1' | 'active_member_cose_sign1';
  readonly type: GovMessageType;
}

/** A policy an endpoint may list: by name, a group that must all hold, or a governance signature. */
export type Policy = PolicyName | MemberCosePolicy;

/** Who is calling (null: nobody was asked), or the refusal to answer with. */
export type Authentication =
  | { readonly kind: 'authenticated'; readonly caller: Caller | null }
  | {
      readonly kind: 'refused';
      readonly status: 401 | 500;
      readonly code: 'InvalidAuthenticationInfo' | 'InternalError';
      readonly message: string;
      readonly details?: readonly AuthDetail[];
      /** Value for the header `www-authenticate`. */
      readonly challenge?: string;
    };

type Check = (state: ReadableMapState, credentials: Credentials, now: number) => Verdict;

/** Every policy a contract's endpoint may name. */
const namedPolicies: Readonly<Record<string, Check>> = {
  no_auth: () => ({ caller: { policy: 'no_auth' } }),
  user_cert: userCertificate,
  member_cert: memberCertificate,
  any_cert: (_, credentials, now) => anyCertificate(credentials, now),
  node_cert: nodeCertificate,
  jwt,
  user_cose_sign1: userCose,
};

const challenges: Readonly<Record<string, string>> = {
  jwt: challengeOf.jwt,
  user_cose_sign1: challengeOf.cose,
  member_cose_sign1: challengeOf.cose,
  active_member_cose_sign1: challengeOf.cose,
};

/**
 * Tries an endpoint's policies in their order; the first that holds says who calls. None listed: open to
 * everybody. `now` in ms. Throws `UnknownPolicy` for a name that no policy has.
 */
export function authenticate(
  state: ReadableMapState,
  policies: readonly Policy[],
  credentials: Credentials,
  now: number,
): Authentication {
  if (policies.length === 0) return { kind: 'authenticated', caller: null };
  const details: AuthDetail[] = [];
  let challenge: string | undefined;
  for (const policy of policies) {
    const { name, check } = resolvePolicy(policy);
    const verdict = attempt(() => check(state, credentials, now));
    if ('malformed' in verdict) {
      return { kind: 'refused', status: 500, code: 'InternalError', message: verdict.malformed };
    }
    if ('caller' in verdict) return { kind: 'authenticated', caller: verdict.caller };
    details.push({ auth_policy: name, code: 'InvalidAuthenticationInfo', message: verdict.reason });
    // The last policy alone is asked for a challenge, as clients have come to expect.
    challenge = challenges[failingPolicy(policy, verdict.reason)];
  }
  return {
    kind: 'refused',
    status: 401,
    code: 'InvalidAuthenticationInfo',
    message: 'Invalid authentication credentials.',
    details,
    ...(challenge === undefined ? {} : { challenge }),
  };
}

function attempt(check: () => Verdict): Verdict | { readonly malformed: string } {
  try {
    return check();
  } catch (error) {
    if (error instanceof GovernanceError && error.code === 'MalformedEnvelope') {
      return { malformed: error.message };
    }
    throw error;
  }
}

function resolvePolicy(policy: Policy): { readonly name: string; readonly check: Check } {
  if (typeof policy === 'string') return { name: policy, check: namedPolicy(policy) };
  if ('all_of' in policy) {
    const names = [...policy.all_of].sort();
    return { name: names.join('+'), check: allOf(names) };
  }
  const active = policy.policy === 'active_member_cose_sign1';
  return {
    name: policy.policy,
    check: (state, credentials) => memberCose(state, credentials, { type: policy.type, active }),
  };
}

function namedPolicy(name: string): Check {
  const check = Object.hasOwn(namedPolicies, name) ? namedPolicies[name] : undefined;
  if (check === undefined) throw new GovernanceError('UnknownPolicy', `Unknown auth policy: ${name}`);
  return check;
}

function allOf(names: readonly string[]): Check {
  const checks = names.map((name) => [name, namedPolicy(name)] as const);
  return (state, credentials, now) => {
    const caller: Record<string, unknown> = { policy: names };
    for (const [name, check] of checks) {
      const verdict = check(state, credentials, now);
      if ('reason' in verdict) return { reason: `${name}:${verdict.reason}` };
      caller[name] = verdict.caller;
    }
    return { caller: caller as AllOfCaller };
  };
}

function failingPolicy(policy: Policy, reason: string): string {
  if (typeof policy === 'string') return policy;
  return 'all_of' in policy ? (reason.split(':', 1)[0] ?? '') : policy.policy;
}
