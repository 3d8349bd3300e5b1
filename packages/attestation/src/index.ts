export { azureUvmEndorsers, type UvmEndorsement } from './azure/uvm.ts';
export { type Check, type CheckName, checkMeanings } from './check-names.ts';
export type { Assurance, Claims, Platform, Verdict } from './claims.ts';
export { AttestationError } from './errors.ts';
export type { Collateral, Endorsements, Evidence, PcrValue, TpmQuote } from './evidence.ts';
export { type QuoteInfo, readQuoteInfo, tpmQuoteInfo } from './quote-info.ts';
export { type QuoteFormat, quoteFormats, tees } from './tees.ts';
export { type Credential, makeCredential } from './tpm/credential.ts';
export {
  type AmdProduct,
  type AmdProtection,
  type AmdTcbFloor,
  type Expected,
  type IntelPolicy,
  type NitroPolicy,
  type Policy,
  type Roots,
  type SnpPolicy,
  type TpmPolicy,
  type TrustMaterial,
  type UvmEndorser,
  vendorRoots,
} from './trust.ts';
export { readEvidence } from './vectors/assemble.ts';
export { evaluateVectors, type VectorOptions, type VectorRow } from './vectors/evaluate.ts';
export { verify } from './verify.ts';
export { virtualMeasurement } from './virtual.ts';
export {
  type KeysToActivate,
  keysToActivate,
  type ParavisorHardware,
  paravisorHardware,
  quotingKeyId,
  type WantedCollateral,
  type WantedVcek,
  wantedCollateral,
  wantedVcek,
} from './wanted.ts';
