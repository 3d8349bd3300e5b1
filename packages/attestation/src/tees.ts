import { verifyAzureVm } from './azure-vm.ts';
import type { Checklist } from './checklist.ts';
import type { Claims, Platform } from './claims.ts';
import type { Endorsements, Evidence } from './evidence.ts';
import { verifyNitro } from './nitro.ts';
import { verifySgx } from './sgx.ts';
import { verifySnp } from './snp.ts';
import { verifyTdx } from './tdx.ts';
import { verifyTpm } from './tpm.ts';
import type { TrustMaterial } from './trust.ts';
import { verifyVirtual } from './virtual.ts';

/** Names of the formats in a node's join request and tables: CCF's own where CCF has one. */
export const quoteFormats = {
  snp: 'AMD_SEV_SNP_v1',
  tdx: 'Intel_TDX_v1',
  sgx: 'OE_SGX_v1',
  tpm: 'TPM_2_0_v1',
  'azure-vm': 'Azure_CVM_v1',
  nitro: 'AWS_Nitro_v1',
  virtual: 'Insecure_Virtual',
} as const satisfies Readonly<Record<Platform, string>>;

export type QuoteFormat = (typeof quoteFormats)[Platform];

/** How one kind of evidence is verified. */
export interface TeeRow<P extends Platform> {
  readonly title: string;
  verify(
    evidence: Extract<Evidence, { platform: P }>,
    endorsements: Endorsements,
    trust: TrustMaterial,
    now: number,
    checks: Checklist,
  ): Claims;
}

type Rows = { readonly [P in Platform]: TeeRow<P> };

/** Every kind of trusted environment, one row each. */
export const tees: Rows = {
  snp: { title: 'AMD SEV-SNP', verify: verifySnp },
  tdx: { title: 'Intel TDX', verify: verifyTdx },
  sgx: { title: 'Intel SGX', verify: verifySgx },
  tpm: { title: 'TPM 2.0 measured boot', verify: verifyTpm },
  'azure-vm': { title: 'Azure confidential VM', verify: verifyAzureVm },
  nitro: { title: 'AWS Nitro enclave', verify: verifyNitro },
  virtual: { title: 'no TEE (virtual)', verify: verifyVirtual },
};

/** Verifies evidence by the row of its platform. */
export function verifyByRow<P extends Platform>(
  evidence: Extract<Evidence, { platform: P }> & { readonly platform: P },
  endorsements: Endorsements,
  trust: TrustMaterial,
  now: number,
  checks: Checklist,
): Claims {
  const row: Rows[P] = tees[evidence.platform];
  return row.verify(evidence, endorsements, trust, now, checks);
}
