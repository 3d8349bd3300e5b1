import type { Assurance, Claims, Platform, Policy } from '@coco/attestation';
import type { ReadableMapState } from '@coco/kv';
import type { MemberId } from '../tables/members.ts';
import { nodePolicies, snpMeasurements, snpUvmEndorsements, virtualMeasurements } from '../tables/nodes.ts';

/** What one kind of platform must show; as in `@coco/attestation`, plain JSON. */
export type PlatformRule = Omit<Policy, 'platforms' | 'platformIds'>;

/**
 * What a node may do, strongest first: vote in consensus (and all that follows), hold ledger secrets (and
 * serve what is private), or only verify (replay what is public).
 */
export type NodeRole = 'vote' | 'secrets' | 'verify';

/** How often nodes prove themselves again. */
export interface LeaseRule {
  /** How long evidence counts after it was verified. */
  readonly seconds: number;
}

/**
 * The consortium's rule for its nodes, beside CCF's tables of measurements, host data and firmware (which go on
 * to decide about SNP and virtual nodes). Written by `set_attestation_policy`; whatever it leaves out is open.
 */
export interface NodePolicy {
  /** Accepted platforms, and what each must show. Absent: those CCF's tables name. */
  readonly platforms?: Readonly<Partial<Record<Platform, PlatformRule>>>;
  /** Machines (platform ids, hexadecimal) by the member that answers for them. Present: no others. */
  readonly machines?: Readonly<Record<MemberId, readonly string[]>>;
  /** Whether one machine may run several nodes. Default: not when `machines` are given. */
  readonly sharedMachines?: boolean;
  /** Least assurance a role asks for. Absent: any that is accepted. */
  readonly roles?: Readonly<Partial<Record<NodeRole, Assurance>>>;
  readonly lease?: LeaseRule;
  /** How long a node that a changed policy no longer accepts goes on counting. Default 0. */
  readonly graceSeconds?: number;
}

/** Roles from the strongest to the weakest. */
export const nodeRoles: readonly NodeRole[] = ['vote', 'secrets', 'verify'];

const assurances: readonly Assurance[] = ['none', 'boot', 'cloud', 'processor'];

/** The policy in force; empty when none was voted. */
export function nodePolicy(state: ReadableMapState): NodePolicy {
  return nodePolicies.get(state) ?? {};
}

/** What evidence of a platform must show, or undefined when the platform is not accepted. */
export function ruleFor(state: ReadableMapState, platform: Platform): Policy | undefined {
  const { platforms, machines } = nodePolicy(state);
  const rule = platforms === undefined ? (isTabled(state, platform) ? {} : undefined) : platforms[platform];
  if (rule === undefined) return undefined;
  const platformIds = machines === undefined ? {} : { platformIds: Object.values(machines).flat() };
  return { ...rule, platforms: [platform], ...platformIds };
}

/** Whether CCF's tables accept nodes of the platform. */
function isTabled(state: ReadableMapState, platform: Platform): boolean {
  if (platform === 'virtual') return virtualMeasurements.size(state) > 0;
  if (platform === 'snp') return snpMeasurements.size(state) > 0 || snpUvmEndorsements.size(state) > 0;
  return false;
}

/**
 * Whether the rule says which code is meant. One that does not would accept any machine of the vendor; SNP and
 * virtual nodes are held to CCF's tables instead.
 */
export function namesCode(platform: Platform, rule: Policy): boolean {
  if (platform === 'snp' || platform === 'virtual') return true;
  const registers = { ...rule.tpm?.pcrs, ...rule.nitro?.pcrs };
  return rule.measurements !== undefined || rule.signers !== undefined || Object.keys(registers).length > 0;
}

/** Whether one role allows what the other does not. */
export function isStronger(one: NodeRole, other: NodeRole): boolean {
  return nodeRoles.indexOf(one) < nodeRoles.indexOf(other);
}

/** The strongest role the assurance suffices for; undefined when it suffices for none. */
export function roleFor(policy: NodePolicy, assurance: Assurance): NodeRole | undefined {
  const has = assurances.indexOf(assurance);
  return nodeRoles.find((role) => has >= assurances.indexOf(policy.roles?.[role] ?? 'none'));
}

/** The member that answers for a machine; undefined when the policy names none. */
export function ownerOf(policy: NodePolicy, { platformId }: Claims): MemberId | undefined {
  if (platformId === null) return undefined;
  const rows = Object.entries(policy.machines ?? {});
  return rows.find(([, ids]) => ids.some((id) => id.toLowerCase() === platformId))?.[0];
}
