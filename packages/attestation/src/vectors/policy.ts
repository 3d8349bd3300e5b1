import { fromHex } from '@coco/crypto';
import { azureUvmEndorsers } from '../azure/uvm.ts';
import { refuse } from '../errors.ts';
import { tcbStatuses } from '../intel/collateral.ts';
import type { JsonObject } from '../json.ts';
import type { AmdTcbFloor, Expected, Policy } from '../trust.ts';

/**
 * The policy vectors are evaluated under: it leaves to the consortium what is the consortium's (old report
 * versions, keys of the cloud, privilege level, service domains, TCB status), and nothing else. A mutation's
 * policy narrows it.
 */
export const vectorPolicy: Policy = {
  platforms: ['snp', 'tdx', 'sgx', 'tpm', 'azure-vm', 'nitro', 'virtual'],
  snp: {
    minReportVersion: 2,
    allowVlek: true,
    maxVmpl: 3,
  },
  intel: {
    statuses: tcbStatuses.filter((status) => status !== 'Revoked'),
    allowServiceTd: true,
    allowSeptVe: true,
    allowProvisionKey: true,
  },
};

export interface Narrowed {
  readonly policy: Policy;
  readonly expected: Expected;
}

type Narrow = (value: unknown, before: Narrowed) => Narrowed;

const floors = (floor: AmdTcbFloor) => ({ Milan: floor, Genoa: floor, Turin: floor });
const policyOf = (before: Narrowed, more: Policy): Narrowed => ({
  ...before,
  policy: {
    ...before.policy,
    ...more,
    snp: { ...before.policy.snp, ...more.snp },
    intel: { ...before.policy.intel, ...more.intel },
    tpm: { ...before.policy.tpm, ...more.tpm },
    nitro: { ...before.policy.nitro, ...more.nitro },
  },
});
const listed = (pcrs: unknown) =>
  Object.fromEntries(
    Object.entries(pcrs as Record<string, string>).map(([index, value]) => [index, [value].flat()]),
  );

/** What a mutation may ask, by the names manifests use. */
const narrows: Readonly<Record<string, Narrow>> = {
  allowVlek: (value, before) => policyOf(before, { snp: { allowVlek: value === true } }),
  maxVmpl: (value, before) => policyOf(before, { snp: { maxVmpl: Number(value) } }),
  minReportVersion: (value, before) => policyOf(before, { snp: { minReportVersion: Number(value) } }),
  minTcb: (value, before) => policyOf(before, { snp: { minTcb: floors(value as AmdTcbFloor) } }),
  minUvmSvn: (value, before) =>
    policyOf(before, {
      snp: { uvmEndorsers: azureUvmEndorsers.map((one) => ({ ...one, svn: Number(value) })) },
    }),
  requireCrl: (value, before) => policyOf(before, { snp: { requireCrl: value === true } }),
  allowServiceTd: (value, before) => policyOf(before, { intel: { allowServiceTd: value === true } }),
  allowSeptVe: (value, before) => policyOf(before, { intel: { allowSeptVe: value === true } }),
  statuses: (value, before) => policyOf(before, { intel: { statuses: value as readonly string[] } }),
  advisories: (value, before) => policyOf(before, { intel: { advisories: value as readonly string[] } }),
  minTcbEvaluationDataNumber: (value, before) =>
    policyOf(before, { intel: { minTcbEvaluationDataNumber: Number(value) } }),
  minIsvSvn: (value, before) => policyOf(before, { intel: { minIsvSvn: Number(value) } }),
  allowDebug: (value, before) => policyOf(before, { allowDebug: value === true }),
  measurements: (value, before) => policyOf(before, { measurements: value as readonly string[] }),
  hostData: (value, before) => policyOf(before, { configurations: [value].flat() as string[] }),
  configurations: (value, before) => policyOf(before, { configurations: value as readonly string[] }),
  signers: (value, before) => policyOf(before, { signers: value as readonly string[] }),
  platformIds: (value, before) => policyOf(before, { platformIds: value as readonly string[] }),
  platforms: (value, before) => policyOf(before, { platforms: value as NonNullable<Policy['platforms']> }),
  requireVbs: (value, before) => policyOf(before, { tpm: { requireVirtualSecureMode: value === true } }),
  requiredPcrs: (value, before) => policyOf(before, { tpm: { requiredPcrs: value as readonly number[] } }),
  pcrs: (value, before) => policyOf(before, { tpm: { pcrs: listed(value) }, nitro: { pcrs: listed(value) } }),
  nonce: (value, before) => ({ ...before, expected: { ...before.expected, nonce: fromHex(String(value)) } }),
  reportData: (value, before) => ({
    ...before,
    expected: { ...before.expected, reportData: fromHex(String(value)) },
  }),
};

/** Narrows what is accepted as a mutation asks. Throws `Refusal` on a name nobody knows. */
export function narrowed(before: Narrowed, asked: JsonObject): Narrowed {
  let now = before;
  for (const [name, value] of Object.entries(asked)) {
    const narrow = Object.hasOwn(narrows, name) ? narrows[name] : undefined;
    now = narrow?.(value, now) ?? refuse(`the policy "${name}" of the mutation is not known`);
  }
  return now;
}
