import type { Claims, Platform, TpmPolicy } from '@coco/attestation';
import type { Tx } from '@coco/kv';
import { listPlatform, platformClaims } from '../join.ts';
import { nodePolicies } from '../tables/nodes.ts';
import { nodePolicy, type PlatformRule } from './node-policy.ts';

/**
 * What the first node of a service trusts: a platform like its own, in the tables CCF has for it, else in the
 * policy. `policy` is the text behind SNP host data.
 */
export function trustPlatform(tx: Tx, claims: Claims, policy = ''): void {
  const tabled = platformClaims(claims);
  if (tabled !== undefined) listPlatform(tx, tabled, policy);
  const before = nodePolicy(tx);
  const rule = ruleLike(claims, before.platforms?.[claims.platform]);
  // Without a word of its own, the policy leaves CCF's platforms to CCF's tables.
  const isNeeded = before.platforms !== undefined || tabled === undefined || Object.keys(rule).length > 0;
  if (!isNeeded) return;
  const platforms: Partial<Record<Platform, PlatformRule>> = { ...before.platforms, [claims.platform]: rule };
  nodePolicies.set(tx, { ...before, platforms });
}

/** The rule that accepts what is shown: the code, and what the careful defaults would refuse. */
function ruleLike(claims: Claims, before: PlatformRule = {}): PlatformRule {
  const { platform, measurement, measurements, hardware, tcbStatus } = claims;
  switch (platform) {
    case 'virtual':
      return before;
    case 'snp':
      return hardware.signingKey === 'VLEK' ? { ...before, snp: { ...before.snp, allowVlek: true } } : before;
    case 'tpm':
      // Registers are values of a boot; the digest over them is told by the log of this one.
      return { ...before, tpm: { ...before.tpm, ...keyOf(claims, before), pcrs: valuesOf(measurements) } };
    case 'nitro':
      return { ...before, nitro: { ...before.nitro, pcrs: valuesOf(measurements) } };
    default: {
      const listed = [...new Set([...(before.measurements ?? []), measurement])];
      const statuses = [...new Set([...(before.intel?.statuses ?? ['UpToDate']), tcbStatus ?? 'UpToDate'])];
      return { ...before, measurements: listed, intel: { ...before.intel, statuses } };
    }
  }
}

/** A TPM's key that nobody certifies is trusted by name. */
function keyOf({ hardware, platformId }: Claims, before: PlatformRule): Pick<TpmPolicy, 'attestationKeys'> {
  if (hardware.attestationKey !== 'named' || platformId === null) return {};
  return { attestationKeys: [...new Set([...(before.tpm?.attestationKeys ?? []), platformId])] };
}

/** `pcr7: value` as the policy lists it: `7: [value]`. */
function valuesOf(measurements: Claims['measurements']): Record<string, readonly string[]> {
  const rows = Object.entries(measurements).map(([name, value]) => [name.replace(/^pcr/, ''), [value]]);
  return Object.fromEntries(rows) as Record<string, readonly string[]>;
}
