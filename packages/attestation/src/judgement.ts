import type { CheckName } from './check-names.ts';
import type { Checklist } from './checklist.ts';
import type { Claims } from './claims.ts';
import { insist } from './errors.ts';
import type { Policy } from './trust.ts';

/**
 * Holds authentic evidence to the policy: debugging, then what is asked of its platform alone (`own`), then the
 * lists that are the same for all.
 */
export function judge(checks: Checklist, claims: Claims, policy: Policy, own?: () => void): void {
  checks.claims = claims;
  checkDebug(checks, claims.debug, policy);
  own?.();
  const among = (
    name: CheckName,
    what: string,
    found: string | null,
    accepted: readonly string[] | undefined,
  ) =>
    checks.ask(name, accepted, (list) => {
      insist(found !== null, `the evidence names no ${what}`);
      insist(
        list.some((one) => one.toLowerCase() === found.toLowerCase()),
        `${what} ${found} is not accepted`,
      );
    });
  among('measurement', 'measurement', claims.measurement, policy.measurements);
  among('configuration', 'configuration', claims.configuration, policy.configurations);
  among('signer', 'signer', claims.signer, policy.signers);
  among('platform-id', 'platform id', claims.platformId, policy.platformIds);
}

/** Refuses debuggable evidence, which shows its memory to whoever runs the machine. */
function checkDebug(checks: Checklist, debug: boolean, policy: Policy): void {
  checks.run(
    'debug',
    () => insist(!debug || policy.allowDebug === true, 'the machine can be debugged'),
    () => (debug ? 'on, and the policy allows it' : 'off'),
  );
}
