/** What one TPM says about itself. */
export interface TpmQuote {
  /** TPMS_ATTEST. */
  readonly attest: Uint8Array;
  /** TPMT_SIGNATURE. */
  readonly signature: Uint8Array;
  /** Register values; only those the quote covers count. */
  readonly pcrs: readonly PcrValue[];
  /** Boot log: TCG format, or Windows' (which is the same with events of its own). */
  readonly eventLog?: Uint8Array;
}

/** The value of one register; `bank` is the TCG number of its hash. */
export interface PcrValue {
  readonly bank: number;
  readonly index: number;
  readonly value: Uint8Array;
}

/** What a machine shows, by platform. */
export type Evidence =
  | { readonly platform: 'snp'; readonly report: Uint8Array }
  | { readonly platform: 'tdx'; readonly quote: Uint8Array }
  | {
      readonly platform: 'sgx';
      readonly quote: Uint8Array;
      /** Open Enclave's claims beside the quote; the report data is their digest. */
      readonly claims?: Uint8Array;
    }
  | {
      readonly platform: 'tpm';
      readonly quote: TpmQuote;
      /** TPM2B_PUBLIC or TPMT_PUBLIC; a bare SubjectPublicKeyInfo for keys that are trusted by name. */
      readonly attestationKey: Uint8Array;
      /** Windows: the report of an enclave in virtual secure mode. */
      readonly enclaveReport?: Uint8Array;
    }
  | {
      readonly platform: 'azure-vm';
      /** What the paravisor left in NV index 0x01400001: hardware report and runtime data. */
      readonly hclReport: Uint8Array;
      /** The TD quote over the hardware report, on TDX. */
      readonly tdQuote?: Uint8Array;
      readonly quote: TpmQuote;
    }
  | { readonly platform: 'nitro'; readonly document: Uint8Array }
  | { readonly platform: 'virtual'; readonly json: Uint8Array };

/** Intel's statements about a platform, as its certification service gives them. */
export interface Collateral {
  /** The exact text of the inner object: the signature is over these characters. */
  readonly tcbInfo: string;
  /** r || s. */
  readonly tcbInfoSignature: Uint8Array;
  /** PEM: TCB signing certificate, root. */
  readonly tcbInfoIssuerChain: string;
  readonly qeIdentity: string;
  readonly qeIdentitySignature: Uint8Array;
  readonly qeIdentityIssuerChain: string;
  /** DER. */
  readonly rootCaCrl: Uint8Array;
  readonly pckCrl: Uint8Array;
}

/** What others say about the machine: vendors, clouds. */
export interface Endorsements {
  /** DER, from the leaf to the root. SNP: VCEK or VLEK; Intel: PCK, where the quote lacks it; TPM. */
  readonly certificates?: readonly Uint8Array[];
  /** Azure VM: DER, from the certificate of the virtual TPM's attestation key to the root. */
  readonly attestationKeyCertificates?: readonly Uint8Array[];
  /** DER revocation lists. */
  readonly crls?: readonly Uint8Array[];
  /** Azure confidential containers: COSE_Sign1 over the measurement of the utility machine. */
  readonly uvm?: Uint8Array;
  /** Azure confidential containers: the text whose digest is the host data. */
  readonly securityPolicy?: Uint8Array;
  readonly collateral?: Collateral;
  /** TPM: endorsement key certificate to the root (DER), and the secret that was decrypted with that key. */
  readonly activation?: { readonly certificates: readonly Uint8Array[]; readonly secret?: Uint8Array };
}
