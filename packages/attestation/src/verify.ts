import { Checklist } from './checklist.ts';
import type { Verdict } from './claims.ts';
import { insist } from './errors.ts';
import type { Endorsements, Evidence } from './evidence.ts';
import { tees, verifyByRow } from './tees.ts';
import type { TrustMaterial } from './trust.ts';

/**
 * Verifies evidence and answers with what it says. `now` is milliseconds since 1970: the moment of joining
 * when a recorded join is verified again. Throws `AttestationError` naming the first check that failed.
 */
export function verify(
  evidence: Evidence,
  endorsements: Endorsements,
  trust: TrustMaterial,
  now: number,
): Verdict {
  const checks = new Checklist();
  const { platform } = evidence;
  checks.run('platform-accepted', () => {
    const accepted = trust.policy.platforms;
    // Nothing stands behind virtual evidence: a consortium that wants it must say so by name.
    const named = accepted?.includes(platform) ?? platform !== 'virtual';
    insist(named, `${tees[platform].title} is not accepted`);
  });
  const claims = verifyByRow(evidence, endorsements, trust, now, checks);
  return { claims, checks: checks.done };
}
