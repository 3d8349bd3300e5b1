import { insist } from '../errors.ts';
import { quoteBytesMax } from '../limits.ts';
import { isZero, Reader } from '../reader.ts';

/** The trusted environment a quote is of. */
export const teeType = { sgx: 0, tdx: 0x81 } as const;

/** Bodies of quotes; version 5 names them by number. */
export type BodyKind = 'enclave' | 'td-1.0' | 'td-1.5';
const bodies: Readonly<
  Record<number, { readonly kind: BodyKind; readonly bytes: number; readonly tee: number }>
> = {
  1: { kind: 'enclave', bytes: 384, tee: teeType.sgx },
  2: { kind: 'td-1.0', bytes: 584, tee: teeType.tdx },
  3: { kind: 'td-1.5', bytes: 648, tee: teeType.tdx },
};

/** A quote (Intel "DCAP Quote Library API", appendix A; "TDX DCAP", A.3). Nothing in it is proven yet. */
export interface Quote {
  readonly version: number;
  readonly tee: number;
  readonly attestationKeyType: number;
  readonly qeVendor: string;
  readonly bodyKind: BodyKind;
  readonly body: Uint8Array;
  /** What the attestation key signed: header and body. */
  readonly signed: Uint8Array;
  /** r || s. */
  readonly signature: Uint8Array;
  /** x || y on P-256. */
  readonly attestationKey: Uint8Array;
  readonly qeReport: Uint8Array;
  readonly qeReportSignature: Uint8Array;
  readonly qeAuthData: Uint8Array;
  /** PEM: PCK certificate, its authority, root. Undefined when the quote refers to them in another way. */
  readonly certificates: string | undefined;
}

const headerBytes = 48;
/** ECDSA over P-256 with SHA-256. */
export const ecdsaP256KeyType = 2;
/** The only vendor of quoting enclaves. */
export const intelQeVendor = '939a7233f79c4ca9940a0db3957f0607';
const certificationType = { pckChain: 5, qeReport: 6 } as const;

/** Takes a quote of version 3 (SGX), 4 or 5 (TDX) apart. After it only zeros may follow: some clouds pad. */
export function parseQuote(bytes: Uint8Array): Quote {
  insist(bytes.length <= quoteBytesMax, `quote of ${bytes.length} bytes: at most ${quoteBytesMax}`);
  const reader = new Reader(bytes, 'quote', 'little');
  const [version, attestationKeyType, tee] = [reader.u16(), reader.u16(), reader.u32()];
  reader.take(4);
  const qeVendor = reader.hex(16);
  reader.take(20);
  const body = readBody(reader, version, tee);
  const signed = bytes.subarray(0, reader.offset);
  const data = new Reader(reader.take(reader.u32()), 'quote signature data', 'little');
  insist(isZero(reader.rest()), 'the bytes after the quote are not all zero');
  return {
    version,
    tee,
    attestationKeyType,
    qeVendor,
    ...body,
    signed,
    signature: data.take(64),
    attestationKey: data.take(64),
    ...readCertification(data, version),
  };
}

function readBody(reader: Reader, version: number, tee: number): Pick<Quote, 'bodyKind' | 'body'> {
  insist(reader.offset === headerBytes, 'the quote has no header');
  const type = version === 5 ? reader.u16() : tee === teeType.sgx ? 1 : 2;
  const row = Object.hasOwn(bodies, type) ? bodies[type] : undefined;
  insist(
    row !== undefined && row.tee === tee,
    `a quote of TEE type ${tee} cannot have a body of type ${type}`,
  );
  if (version === 5) insist(reader.u32() === row.bytes, `the body of the quote is not of ${row.bytes} bytes`);
  return { bodyKind: row.kind, body: reader.take(row.bytes) };
}

type Certification = Pick<Quote, 'qeReport' | 'qeReportSignature' | 'qeAuthData' | 'certificates'>;

function readCertification(data: Reader, version: number): Certification {
  if (version === 3) return readQeCertification(data);
  insist(data.u16() === certificationType.qeReport, 'the quote is not certified by a quoting enclave');
  const inner = new Reader(data.take(data.u32()), 'certification data', 'little');
  data.end();
  return readQeCertification(inner);
}

function readQeCertification(data: Reader): Certification {
  const qeReport = data.take(384);
  const qeReportSignature = data.take(64);
  const qeAuthData = data.take(data.u16());
  const type = data.u16();
  const pem = data.take(data.u32());
  data.end();
  const text = new TextDecoder('latin1').decode(pem.at(-1) === 0 ? pem.subarray(0, -1) : pem);
  const certificates = type === certificationType.pckChain ? text : undefined;
  return { qeReport, qeReportSignature, qeAuthData, certificates };
}

/** The report of an enclave (Intel SDM, "REPORTBODY"): of an application, or of the quoting enclave. */
export interface EnclaveReport {
  readonly cpuSvn: string;
  readonly miscSelect: Uint8Array;
  readonly extProdId: string;
  readonly attributes: Uint8Array;
  readonly mrEnclave: string;
  readonly mrSigner: string;
  readonly configId: string;
  readonly isvProdId: number;
  readonly isvSvn: number;
  readonly configSvn: number;
  readonly familyId: string;
  readonly reportData: Uint8Array;
}

/** Takes an enclave's report apart. */
export function parseEnclaveReport(bytes: Uint8Array): EnclaveReport {
  const reader = new Reader(bytes, 'enclave report', 'little');
  const start = { cpuSvn: reader.hex(16), miscSelect: reader.take(4) };
  reader.take(12);
  const middle = { extProdId: reader.hex(16), attributes: reader.take(16), mrEnclave: reader.hex(32) };
  reader.take(32);
  const mrSigner = reader.hex(32);
  reader.take(32);
  const config = {
    configId: reader.hex(64),
    isvProdId: reader.u16(),
    isvSvn: reader.u16(),
    configSvn: reader.u16(),
  };
  reader.take(42);
  const end = { familyId: reader.hex(16), reportData: reader.take(64) };
  reader.end();
  return { ...start, ...middle, mrSigner, ...config, ...end };
}

/** The report of a trust domain, as a quote holds it. */
export interface TdReport {
  readonly teeTcbSvn: Uint8Array;
  readonly mrSeam: string;
  readonly mrSignerSeam: string;
  readonly seamAttributes: string;
  readonly attributes: bigint;
  readonly xfam: string;
  readonly mrTd: string;
  readonly mrConfigId: string;
  readonly mrOwner: string;
  readonly mrOwnerConfig: string;
  readonly rtmrs: readonly string[];
  readonly reportData: Uint8Array;
  /** Of TD 1.5 only: the module that runs now, and the measurement of a bound service domain. */
  readonly now?: { readonly teeTcbSvn: Uint8Array; readonly mrServiceTd: string };
}

/** Takes a trust domain's report apart. */
export function parseTdReport(bytes: Uint8Array, kind: BodyKind): TdReport {
  const reader = new Reader(bytes, 'TD report', 'little');
  const report = {
    teeTcbSvn: reader.take(16),
    mrSeam: reader.hex(48),
    mrSignerSeam: reader.hex(48),
    seamAttributes: reader.hex(8),
    attributes: reader.u64(),
    xfam: reader.hex(8),
    mrTd: reader.hex(48),
    mrConfigId: reader.hex(48),
    mrOwner: reader.hex(48),
    mrOwnerConfig: reader.hex(48),
    rtmrs: [reader.hex(48), reader.hex(48), reader.hex(48), reader.hex(48)],
    reportData: reader.take(64),
  };
  if (kind !== 'td-1.5') {
    reader.end();
    return report;
  }
  const now = { teeTcbSvn: reader.take(16), mrServiceTd: reader.hex(48) };
  reader.end();
  return { ...report, now };
}
