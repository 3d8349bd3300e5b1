import type { Check } from './check-names.ts';

/** The kinds of evidence that are understood; one row each in tees.ts. */
export type Platform = 'snp' | 'tdx' | 'sgx' | 'tpm' | 'azure-vm' | 'nitro' | 'virtual';

/**
 * What stands behind the claims, strongest first:
 * - `processor`: a key of this very processor, certified by its maker.
 * - `cloud`: a key the cloud's operator holds (VLEK, Nitro, certified virtual TPM).
 * - `boot`: a TPM that measured the boot; who owns the machine can still attack it.
 * - `none`: nothing.
 */
export type Assurance = 'processor' | 'cloud' | 'boot' | 'none';

/** What verified evidence says, the same for all platforms; plain JSON. Byte strings are lower-case hex. */
export interface Claims {
  readonly platform: Platform;
  readonly assurance: Assurance;
  /** For instance `AMD EPYC Milan`, `Intel FMSPC 00806f050000`. */
  readonly product: string;
  readonly hardware: Readonly<Record<string, string | number | boolean>>;
  readonly firmware: Readonly<Record<string, string | number | boolean>>;
  readonly debug: boolean;
  /** The measurement of the code: SNP launch digest, MRTD, MRENCLAVE, PCR 0 to 2 of Nitro, quoted digest. */
  readonly measurement: string;
  /** Every measured register by its name. */
  readonly measurements: Readonly<Record<string, string>>;
  /** What the launcher configured: SNP host data, MRCONFIGID, CONFIGID. Null when the platform has none. */
  readonly configuration: string | null;
  /** Who signed the code: ID key digest, MRSIGNER, endorser of the utility machine. */
  readonly signer: string | null;
  /** Which machine: chip id, platform instance id, endorsement key. Null when it is not told. */
  readonly platformId: string | null;
  readonly reportData: string;
  /** The vendor's word (Intel). For others null: they certify versions, and judging is left to the policy. */
  readonly tcbStatus: string | null;
  readonly advisories: readonly string[];
  /** What is no reason to refuse but should be known. */
  readonly warnings: readonly string[];
}

/** Claims with the checks that led to them. */
export interface Verdict {
  readonly claims: Claims;
  readonly checks: readonly Check[];
}
