import type { Platform } from './claims.ts';

/** Processor families of AMD that attest. */
export type AmdProduct = 'Milan' | 'Genoa' | 'Turin';

/** Public keys of vendors' roots, as hexadecimal SHA-256 of their SubjectPublicKeyInfo. */
export interface Roots {
  readonly amd: Readonly<Record<AmdProduct, readonly string[]>>;
  readonly intel: readonly string[];
  readonly aws: readonly string[];
  /** Authorities that certify attestation keys of TPMs. */
  readonly tpm: readonly string[];
}

/** The roots as the vendors publish them. */
export const vendorRoots: Roots = {
  amd: {
    Milan: ['9f056bee44377e29308cb5ffa895bdfb62d18881fa6bed8d6f075b0204089cb9'],
    Genoa: ['429a69c9422aa258ee4d8db5fcda9c6470ef15f8cd5a9cebd6cbc7d90b863831'],
    Turin: ['4f125410563a2ab9a50356f9243f6fe0b6f73de98603f53f90339c70e9d7ad08'],
  },
  intel: ['a0af031289f5d5d4132f9186068a7fc13628633ba235777472e29b6b6c67a49e'],
  aws: ['f2caf5ecc6190b4a8399b78bc58a2bbcd0382375db8a1bfd78a82743874fd225'],
  // Azure Virtual TPM Root Certificate Authority 2023.
  tpm: ['5cbc52672ae101263c2976736044a964c1182ce9412c39937183baddcccb8cdf'],
};

/** Least versions of AMD's firmware parts; a part that is not named may be anything. */
export interface AmdTcbFloor {
  readonly fmc?: number;
  readonly bootLoader?: number;
  readonly tee?: number;
  readonly snp?: number;
  readonly microcode?: number;
}

/** Who may endorse the utility machine of Azure's confidential containers, and from which version. */
export interface UvmEndorser {
  readonly did: string;
  readonly feed: string;
  readonly svn: number;
}

/** Protections of SNP's PLATFORM_INFO that can be required. */
export type AmdProtection = 'smt-off' | 'tsme' | 'ecc' | 'rapl-off' | 'ciphertext-hiding' | 'alias-check';

export interface SnpPolicy {
  /** Products that may attest; all when absent. */
  readonly products?: readonly AmdProduct[];
  /** Default 3: older reports do not name the processor. */
  readonly minReportVersion?: number;
  /** Whether a key the cloud holds may sign. Default false. */
  readonly allowVlek?: boolean;
  /** Default 0. */
  readonly maxVmpl?: number;
  readonly minTcb?: Readonly<Partial<Record<AmdProduct, AmdTcbFloor>>>;
  /** Least build of the firmware, as [major, minor, build]. */
  readonly minFirmware?: readonly [number, number, number];
  readonly require?: readonly AmdProtection[];
  /** When given, the utility machine must be endorsed by one of these. */
  readonly uvmEndorsers?: readonly UvmEndorser[];
  /** Refuse when no revocation list is at hand. Default false: one that is at hand is always heeded. */
  readonly requireCrl?: boolean;
}

export interface IntelPolicy {
  /** Default: only `UpToDate`. `Revoked` is never accepted. */
  readonly statuses?: readonly string[];
  /** When given, a status other than `UpToDate` is accepted only if each of its advisories is listed. */
  readonly advisories?: readonly string[];
  readonly minTcbEvaluationDataNumber?: number;
  /** TDX: whether a service domain (migration) may be bound. Default false. */
  readonly allowServiceTd?: boolean;
  /** TDX: whether SEPT_VE_DISABLE may be off. Default false. */
  readonly allowSeptVe?: boolean;
  /** SGX: whether the enclave may use the provisioning key. Default false. */
  readonly allowProvisionKey?: boolean;
  /** SGX: least ISVSVN, and the product id it is counted for. */
  readonly minIsvSvn?: number;
  readonly isvProdId?: number;
}

export interface TpmPolicy {
  /** Registers that the quote must cover. Default 0 and 7: firmware and secure boot. */
  readonly requiredPcrs?: readonly number[];
  /** Accepted values by register, hexadecimal. */
  readonly pcrs?: Readonly<Record<string, readonly string[]>>;
  /** Names of attestation keys (hexadecimal, or the SHA-256 of their SPKI) trusted without a certificate. */
  readonly attestationKeys?: readonly string[];
  /** Authorities that certify TPMs beside the known ones: hexadecimal SHA-256 of their SubjectPublicKeyInfo. */
  readonly authorities?: readonly string[];
  /** The log must be there. Default false: one that is there must replay. */
  readonly requireEventLog?: boolean;
  /** Hyper-V virtual secure mode must protect an enclave that reports. Default false. */
  readonly requireVirtualSecureMode?: boolean;
}

export interface NitroPolicy {
  /** Accepted values by register, hexadecimal. A register the document lacks fails. */
  readonly pcrs?: Readonly<Record<string, readonly string[]>>;
}

/** What a consortium accepts; plain JSON, so that it can stand in a governance table. */
export interface Policy {
  /** Accepted kinds of platform; absent: all but `virtual`, which must always be named. */
  readonly platforms?: readonly Platform[];
  /** Never in production. Default false. */
  readonly allowDebug?: boolean;
  /** Accepted measurements, configurations, signers, machines; absent: not looked at. */
  readonly measurements?: readonly string[];
  readonly configurations?: readonly string[];
  readonly signers?: readonly string[];
  readonly platformIds?: readonly string[];
  readonly snp?: SnpPolicy;
  readonly intel?: IntelPolicy;
  readonly tpm?: TpmPolicy;
  readonly nitro?: NitroPolicy;
}

/** What this very evidence must bind. */
export interface Expected {
  /** The node's key: DER SubjectPublicKeyInfo. */
  readonly publicKey?: Uint8Array;
  /** Or only the key's SHA-256, which is what a node is called by. */
  readonly keyDigest?: Uint8Array;
  /** A fresh challenge of 32 bytes; in a Nitro document of whatever length was asked for. */
  readonly nonce?: Uint8Array;
  /** The whole report data instead. */
  readonly reportData?: Uint8Array;
  /** Azure VM: the 64 bytes beside the paravisor's keys. */
  readonly userData?: Uint8Array;
  /** The secret that the TPM's owner had to decrypt, and for which keys: see `makeCredential`. */
  readonly activation?: {
    /** `known`: the secret came back once, as whoever asks knows; nobody is asked again. */
    readonly secret: Uint8Array | 'known';
    /** Hexadecimal SHA-256 of the endorsement key's SubjectPublicKeyInfo. */
    readonly endorsementKey: string;
    readonly attestationKeyName: string;
  };
}

/** Everything the verdict stands on besides the evidence. */
export interface TrustMaterial {
  readonly roots: Roots;
  readonly policy: Policy;
  readonly expected?: Expected;
}
