import { insist } from '../errors.ts';
import { isZero, Reader } from '../reader.ts';

/** An attestation report of SEV-SNP (AMD 56860, table "ATTESTATION_REPORT"). Nothing in it is proven yet. */
export interface SnpReport {
  readonly version: number;
  readonly guestSvn: number;
  readonly policy: bigint;
  readonly familyId: string;
  readonly imageId: string;
  readonly vmpl: number;
  readonly currentTcb: Uint8Array;
  readonly platformInfo: bigint;
  readonly keyInfo: number;
  readonly reportData: Uint8Array;
  readonly measurement: Uint8Array;
  readonly hostData: Uint8Array;
  readonly idKeyDigest: Uint8Array;
  readonly authorKeyDigest: Uint8Array;
  readonly reportId: string;
  readonly migrationAgentReportId: Uint8Array;
  readonly reportedTcb: Uint8Array;
  /** CPUID family and model; undefined before version 3. */
  readonly cpuid: { readonly family: number; readonly model: number; readonly stepping: number } | undefined;
  readonly chipId: Uint8Array;
  readonly committedTcb: Uint8Array;
  readonly currentFirmware: FirmwareVersion;
  readonly committedFirmware: FirmwareVersion;
  readonly launchTcb: Uint8Array;
  /** What the signature is over. */
  readonly signed: Uint8Array;
  /** r and s, each 72 bytes little-endian, then zeros. */
  readonly signature: Uint8Array;
}

export interface FirmwareVersion {
  readonly build: number;
  readonly minor: number;
  readonly major: number;
}

/** Length of a report, whatever its version. */
export const snpReportBytes = 0x4a0;
const signedBytes = 0x2a0;
/** ECDSA over P-384 with SHA-384, the only algorithm there is. */
const signatureAlgorithm = 1;
export const reportVersions = { least: 2, most: 5 } as const;

/** Reads version and algorithm first: what follows is laid out by them. */
export function reportHeader(bytes: Uint8Array): { readonly version: number; readonly algorithm: number } {
  insist(bytes.length === snpReportBytes, `the report has ${bytes.length} bytes, not ${snpReportBytes}`);
  const reader = new Reader(bytes, 'SNP report', 'little');
  const version = reader.u32();
  reader.take(0x30);
  return { version, algorithm: reader.u32() };
}

/** Insists on the algorithm every report is signed with. */
export function checkReportAlgorithm(algorithm: number): void {
  insist(
    algorithm === signatureAlgorithm,
    `signature algorithm ${algorithm} is not ECDSA P-384 with SHA-384`,
  );
}

/** Takes a report of a known version apart. */
export function parseSnpReport(bytes: Uint8Array): SnpReport {
  const reader = new Reader(bytes, 'SNP report', 'little');
  const version = reader.u32();
  const start = {
    version,
    guestSvn: reader.u32(),
    policy: reader.u64(),
    familyId: reader.hex(16),
    imageId: reader.hex(16),
    vmpl: reader.u32(),
  };
  reader.u32();
  const currentTcb = reader.take(8);
  const platformInfo = reader.u64();
  const keyInfo = reader.u32();
  reader.u32();
  const middle = {
    currentTcb,
    platformInfo,
    keyInfo,
    reportData: reader.take(64),
    measurement: reader.take(48),
    hostData: reader.take(32),
    idKeyDigest: reader.take(48),
    authorKeyDigest: reader.take(48),
    reportId: reader.hex(32),
    migrationAgentReportId: reader.take(32),
    reportedTcb: reader.take(8),
  };
  const cpuid = { family: reader.u8(), model: reader.u8(), stepping: reader.u8() };
  reader.take(21);
  return {
    ...start,
    ...middle,
    cpuid: version >= 3 ? cpuid : undefined,
    chipId: reader.take(64),
    committedTcb: reader.take(8),
    ...firmwareVersions(reader),
    launchTcb: reader.take(8),
    signed: bytes.subarray(0, signedBytes),
    signature: bytes.subarray(signedBytes),
  };
}

function firmwareVersions(reader: Reader): Pick<SnpReport, 'currentFirmware' | 'committedFirmware'> {
  const version = () => ({ build: reader.u8(), minor: reader.u8(), major: reader.u8() });
  const currentFirmware = version();
  reader.u8();
  const committedFirmware = version();
  reader.u8();
  return { currentFirmware, committedFirmware };
}

const paddedBytes = 72;
const coordinateBytes = 48;

/** The signature as r || s. Bytes beyond 48 of each number, and beyond both, must be zero. */
export function reportSignature(signature: Uint8Array): Uint8Array {
  const numbers = new Uint8Array(2 * coordinateBytes);
  for (const index of [0, 1]) {
    const padded = signature.subarray(index * paddedBytes, (index + 1) * paddedBytes);
    insist(isZero(padded.subarray(coordinateBytes)), `signature number ${index + 1} is longer than 48 bytes`);
    numbers.set(padded.slice(0, coordinateBytes).reverse(), index * coordinateBytes);
  }
  insist(isZero(signature.subarray(2 * paddedBytes)), 'bytes follow the signature in its field');
  return numbers;
}

/** Bits of the guest policy. */
export const policyBit = {
  smt: 16n,
  migration: 18n,
  debug: 19n,
  singleSocket: 20n,
  cxl: 21n,
  aes256: 22n,
  raplOff: 23n,
  ciphertextHiding: 24n,
  pageSwapOff: 25n,
} as const;

/** Bits of PLATFORM_INFO. Unknown ones are no reason to refuse: real Turin processors set such. */
export const platformBit = {
  smt: 0n,
  tsme: 1n,
  ecc: 2n,
  raplOff: 3n,
  ciphertextHiding: 4n,
  aliasCheck: 5n,
} as const;

/** Whether a bit is set. */
export function hasBit(flags: bigint, bit: bigint): boolean {
  return ((flags >> bit) & 1n) === 1n;
}
