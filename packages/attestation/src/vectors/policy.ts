import { fromHex } from '@coco/crypto';
import { azureUvmEndorsers } from '../azure/uvm.ts';
import { insist, refuse } from '../errors.ts';
import { tcbStatuses } from '../intel/collateral.ts';
import { asObject, type JsonObject } from '../json.ts';
import type { AmdProduct, AmdProtection, AmdTcbFloor, Expected, Policy } from '../trust.ts';
import { texts, truth, wholeNumber } from './values.ts';

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

type Narrow = (value: unknown, name: string, before: Narrowed) => Narrowed;

/** What a part of the policy is narrowed to, by the value of the mutation. */
const narrowing =
  (more: (value: unknown, name: string) => Policy): Narrow =>
  (value, name, before) => {
    const { policy, expected } = before;
    const asked = more(value, name);
    const snp = { ...policy.snp, ...asked.snp };
    const intel = { ...policy.intel, ...asked.intel };
    const tpm = { ...policy.tpm, ...asked.tpm };
    return {
      expected,
      policy: { ...policy, ...asked, snp, intel, tpm, nitro: { ...policy.nitro, ...asked.nitro } },
    };
  };

const expecting =
  (key: 'nonce' | 'reportData'): Narrow =>
  (value, name, { policy, expected }) => {
    insist(typeof value === 'string', `"${name}" is not hexadecimal`);
    return { policy, expected: { ...expected, [key]: fromHex(value) } };
  };

function floors(value: unknown, name: string): Readonly<Record<AmdProduct, AmdTcbFloor>> {
  const floor = asObject(value, name);
  for (const [part, least] of Object.entries(floor)) wholeNumber(least, part);
  return { Milan: floor, Genoa: floor, Turin: floor };
}

/** Accepted values by register: one or several each. */
function registers(value: unknown, name: string): Readonly<Record<string, readonly string[]>> {
  const rows = Object.entries(asObject(value, name));
  return Object.fromEntries(rows.map(([index, accepted]) => [index, texts(accepted, name)]));
}

function endorsersFrom(svn: number): Policy {
  return { snp: { uvmEndorsers: azureUvmEndorsers.map((one) => ({ ...one, svn })) } };
}

function indices(value: unknown, name: string): readonly number[] {
  insist(Array.isArray(value), `"${name}" is not a list`);
  return value.map((one) => wholeNumber(one, name));
}

/** What a mutation may ask, by the names manifests use. */
const narrows: Readonly<Record<string, Narrow>> = {
  allowVlek: narrowing((value, name) => ({ snp: { allowVlek: truth(value, name) } })),
  maxVmpl: narrowing((value, name) => ({ snp: { maxVmpl: wholeNumber(value, name) } })),
  minReportVersion: narrowing((value, name) => ({ snp: { minReportVersion: wholeNumber(value, name) } })),
  minTcb: narrowing((value, name) => ({ snp: { minTcb: floors(value, name) } })),
  minUvmSvn: narrowing((value, name) => endorsersFrom(wholeNumber(value, name))),
  requireCrl: narrowing((value, name) => ({ snp: { requireCrl: truth(value, name) } })),
  products: narrowing((value, name) => ({ snp: { products: texts(value, name) as readonly AmdProduct[] } })),
  require: narrowing((value, name) => ({ snp: { require: protectionsOf(texts(value, name)) } })),
  allowServiceTd: narrowing((value, name) => ({ intel: { allowServiceTd: truth(value, name) } })),
  allowSeptVe: narrowing((value, name) => ({ intel: { allowSeptVe: truth(value, name) } })),
  allowProvisionKey: narrowing((value, name) => ({ intel: { allowProvisionKey: truth(value, name) } })),
  statuses: narrowing((value, name) => ({ intel: { statuses: texts(value, name) } })),
  advisories: narrowing((value, name) => ({ intel: { advisories: texts(value, name) } })),
  minTcbEvaluationDataNumber: narrowing((value, name) => ({
    intel: { minTcbEvaluationDataNumber: wholeNumber(value, name) },
  })),
  minIsvSvn: narrowing((value, name) => ({ intel: { minIsvSvn: wholeNumber(value, name) } })),
  allowDebug: narrowing((value, name) => ({ allowDebug: truth(value, name) })),
  measurements: narrowing((value, name) => ({ measurements: texts(value, name) })),
  hostData: narrowing((value, name) => ({ configurations: texts(value, name) })),
  configurations: narrowing((value, name) => ({ configurations: texts(value, name) })),
  signers: narrowing((value, name) => ({ signers: texts(value, name) })),
  platformIds: narrowing((value, name) => ({ platformIds: texts(value, name) })),
  platforms: narrowing((value, name) => ({
    platforms: texts(value, name) as NonNullable<Policy['platforms']>,
  })),
  requireVbs: narrowing((value, name) => ({ tpm: { requireVirtualSecureMode: truth(value, name) } })),
  requireEventLog: narrowing((value, name) => ({ tpm: { requireEventLog: truth(value, name) } })),
  requiredPcrs: narrowing((value, name) => ({ tpm: { requiredPcrs: indices(value, name) } })),
  pcrs: narrowing((value, name) => {
    const pcrs = registers(value, name);
    return { tpm: { pcrs }, nitro: { pcrs } };
  }),
  nonce: expecting('nonce'),
  reportData: expecting('reportData'),
};

const knownProtections: readonly string[] = [
  'smt-off',
  'tsme',
  'ecc',
  'rapl-off',
  'ciphertext-hiding',
  'alias-check',
] satisfies readonly AmdProtection[];

function protectionsOf(names: readonly string[]): readonly AmdProtection[] {
  const unknown = names.find((name) => !knownProtections.includes(name));
  insist(unknown === undefined, `the protection "${unknown}" is not known`);
  return names as readonly AmdProtection[];
}

/** Narrows what is accepted as a mutation asks. Throws `Refusal` on a name nobody knows. */
export function narrowed(before: Narrowed, asked: JsonObject): Narrowed {
  let now = before;
  for (const [name, value] of Object.entries(asked)) {
    const narrow = Object.hasOwn(narrows, name) ? narrows[name] : undefined;
    now = narrow?.(value, name, now) ?? refuse(`the policy "${name}" of the mutation is not known`);
  }
  return now;
}
