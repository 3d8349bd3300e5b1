/**
 * Every check there is, with what it says when it passes. A refusal names one of these; `coco attestation
 * show` prints them.
 */
export const checkMeanings = {
  'platform-accepted': 'this kind of platform is accepted',
  'evidence-shape': 'the evidence is complete, with known versions and nothing after it',
  'evidence-version': 'the version of the evidence is accepted',
  'signature-algorithm': 'signature and hash algorithms are the expected ones',
  'signature-shape': 'the signature is well formed',
  'certificate-shape': 'the certificates can be read',
  'cpu-family': 'the processor family is known',
  'pinned-root': "the chain ends at the vendor's pinned root key",
  'certificate-chain': 'each certificate is issued by the next',
  'certificate-dates': 'the certificates are valid now',
  'certificate-kind': 'the certificates are of the right kind',
  revocation: 'no certificate is revoked',
  'evidence-signature': 'the evidence is signed by the certified key',
  'signing-key-kind': 'the kind of signing key is accepted',
  'chip-key': 'the chip signed with its own key',
  vmpl: 'the report was asked for at an accepted privilege level',
  debug: 'debugging is off',
  migration: 'the machine cannot be migrated by an agent',
  'endorsed-tcb': 'the certified firmware versions are the reported ones',
  'chip-id': 'the certificate is of the chip that reports',
  'minimum-tcb': 'firmware versions reach the minimum',
  'platform-info': 'required platform protections are on',
  'uvm-chain': 'the endorsement of the utility machine comes from the named issuer',
  'uvm-signature': 'the endorsement of the utility machine is signed',
  'uvm-content': 'the endorsement of the utility machine can be read',
  'uvm-measurement': 'the measured utility machine is the endorsed one',
  'uvm-issuer': 'issuer and feed of the endorsement are trusted',
  'uvm-svn': 'the security version of the utility machine reaches the minimum',
  'security-policy': 'the host data is the digest of the security policy',
  'qe-vendor': "the quote comes from Intel's quoting enclave",
  'collateral-shape': 'the collateral can be read',
  'collateral-platform': 'the collateral is for this platform',
  'collateral-chain': "the collateral's signers lead to Intel's pinned root key",
  'collateral-freshness': 'the collateral is valid now',
  'collateral-age': 'the collateral is of the required evaluation or newer',
  'tcb-info-signature': 'the TCB info is signed by Intel',
  'qe-identity-signature': 'the identity of the quoting enclave is signed by Intel',
  'tdx-module': 'the TDX module is a known one of Intel',
  'qe-report-signature': "the quoting enclave's report is signed by the certified key",
  'attestation-key-binding': 'the attestation key is the one the quoting enclave vouches for',
  'qe-identity': 'the quoting enclave is the one of the identity',
  'tcb-level': "the platform reaches one of Intel's TCB levels",
  'tcb-status': 'the TCB status is accepted',
  'td-attributes': 'the attributes of the trust domain are accepted',
  'service-td': 'no service domain is bound',
  'enclave-attributes': 'the attributes of the enclave are accepted',
  'custom-claims': 'the report data binds the claims beside the quote',
  'attest-magic': 'the attestation was made inside a TPM',
  'attest-type': 'the attestation is a quote',
  'ak-attributes': 'the attestation key is restricted to what the TPM itself says',
  'ak-trust': 'the attestation key belongs to a trusted TPM',
  'pcr-bank': 'the quoted registers are of an accepted hash',
  'pcr-selection': 'the quote covers every required register',
  'pcr-digest': 'the register values are the quoted ones',
  'pcr-values': 'required registers hold the required values',
  'event-log': 'the boot log replays to the quoted registers',
  'virtual-secure-mode': 'the hypervisor protects the secure kernel',
  'enclave-report': "the enclave's report is signed by the measured secure kernel",
  'hardware-binding': 'the hardware report vouches for the attestation key',
  timestamp: 'the document was made now',
  'quoted-nonce': 'the nonce is the one that was asked for',
  measurement: 'the measured code is accepted',
  configuration: 'the configuration is accepted',
  signer: 'the signer of the code is accepted',
  'platform-id': 'the machine is one of the accepted ones',
  'report-data': 'the evidence binds the expected key and nonce',
} as const;

export type CheckName = keyof typeof checkMeanings;

/** One check that was made, or that nobody asked for. */
export interface Check {
  readonly name: CheckName;
  readonly outcome: 'passed' | 'failed' | 'not asked';
  /** What was found. */
  readonly detail: string;
}
