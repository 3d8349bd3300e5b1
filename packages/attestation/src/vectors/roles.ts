import { type Certificate, decodePem, importPublicKey, parseCertificate, parseCrl } from '@coco/crypto';
import { snpReportBytes } from '../amd/report.ts';
import { intelQeVendor } from '../intel/quote.ts';
import { parseJsonObject } from '../json.ts';
import { parsePublicArea } from '../tpm/public-area.ts';

/** What a file of a folder of evidence is, told by its content and only then by its name. */
export type Role =
  | 'snp-report'
  | 'quote'
  | 'hcl-report'
  | 'tpm-attest'
  | 'tpm-signature'
  | 'tpm-pcrs'
  | 'tpm-public'
  | 'boot-log'
  | 'enclave-report'
  | 'nitro'
  | 'uvm'
  | 'virtual'
  | 'security-policy'
  | 'collateral'
  | 'tcb-info'
  | 'qe-identity'
  | 'oe-endorsements'
  | 'thim'
  | 'certificates'
  | 'crl'
  | 'public-key'
  | 'other';

type Recognise = (bytes: Uint8Array, name: string) => boolean;

const starts =
  (hex: string): Recognise =>
  (bytes) =>
    bytes.subarray(0, hex.length / 2).toHex() === hex;
const named =
  (pattern: RegExp): Recognise =>
  (_bytes, name) =>
    pattern.test(name);
/** Whether a text stands in the first pages. */
const holds =
  (text: string): Recognise =>
  (bytes) =>
    new TextDecoder('latin1').decode(bytes.subarray(0, 16_384)).includes(text);
const both =
  (...all: readonly Recognise[]): Recognise =>
  (bytes, name) =>
    all.every((one) => one(bytes, name));
const u32 = (bytes: Uint8Array, offset: number) =>
  offset + 4 <= bytes.length ? new DataView(bytes.buffer, bytes.byteOffset).getUint32(offset, true) : -1;
const parses =
  (parse: (bytes: Uint8Array) => unknown): Recognise =>
  (bytes) => {
    try {
      parse(bytes);
      return true;
    } catch {
      return false;
    }
  };
const json =
  (...keys: readonly string[]): Recognise =>
  (bytes) =>
    bytes[0] === 0x7b &&
    parses((text) => {
      const object = parseJsonObject(new TextDecoder().decode(text), 'file');
      if (!keys.every((key) => Object.hasOwn(object, key))) throw new RangeError();
    })(bytes, '');
const pem =
  (label: string): Recognise =>
  (bytes) =>
    new TextDecoder('latin1').decode(bytes).includes(`-----BEGIN ${label}-----`);

/** In the order of trial: the sure ones first. */
const roles: readonly (readonly [Role, Recognise])[] = [
  ['hcl-report', starts('48434c41')],
  ['tpm-attest', (bytes, name) => starts('ff544347')(bytes, name) || name.endsWith('.msg')],
  ['snp-report', (bytes) => bytes.length === snpReportBytes && u32(bytes, 0) < 16 && u32(bytes, 0x34) === 1],
  ['quote', (bytes) => bytes.subarray(12, 28).toHex() === intelQeVendor],
  ['oe-endorsements', (bytes) => u32(bytes, 0) === 1 && u32(bytes, 4) === 2 && u32(bytes, 12) === 9],
  ['nitro', both((bytes) => bytes[0] === 0x84 || bytes[0] === 0xd2, holds('cabundle'))],
  ['uvm', starts('d284')],
  ['boot-log', (bytes, name) => u32(bytes, 4) === 3 && holds('Spec ID Event0')(bytes, name)],
  ['collateral', json('tcb_info', 'qe_identity')],
  ['tcb-info', json('tcbInfo', 'signature')],
  ['qe-identity', json('enclaveIdentity', 'signature')],
  ['thim', json('vcekCert', 'certificateChain')],
  ['virtual', json('measurement', 'host_data', 'report_data')],
  ['security-policy', named(/security-policy/)],
  ['certificates', pem('CERTIFICATE')],
  ['public-key', pem('PUBLIC KEY')],
  ['crl', pem('X509 CRL')],
  ['certificates', parses(parseCertificate)],
  ['crl', parses(parseCrl)],
  ['public-key', parses(importPublicKey)],
  ['enclave-report', (bytes) => u32(bytes, 0) === bytes.length && u32(bytes, 4) === 1],
  ['tpm-pcrs', named(/\.pcrs$/)],
  ['tpm-signature', named(/\.sig$/)],
  ['tpm-public', (bytes, name) => !named(/ek[^/]*$/)(bytes, name) && parses(parsePublicArea)(bytes, name)],
  ['boot-log', named(/(log[^/]*\.bin|\.log|_measurements)$/)],
  // What is broken is recognised by its name alone.
  ['snp-report', named(/^report\.(bin|dat)$/)],
  ['quote', named(/^quote\.(bin|dat)$/)],
  ['nitro', named(/\.cose$/)],
];

/** Recognises a file. */
export function roleOf(path: string, bytes: Uint8Array): Role {
  const name = path.split('/').at(-1) ?? path;
  return roles.find(([, recognise]) => recognise(bytes, name))?.[0] ?? 'other';
}

const parsed = new WeakMap<Uint8Array, readonly Certificate[]>();

/** The certificates of files, PEM or DER, in order. Parsed once as long as the same array is given. */
export function certificatesOf(files: readonly Uint8Array[]): Certificate[] {
  return files.flatMap((bytes) => {
    const known = parsed.get(bytes) ?? parse(bytes);
    parsed.set(bytes, known);
    return known;
  });
}

function parse(bytes: Uint8Array): readonly Certificate[] {
  return dersOf(bytes, 'CERTIFICATE').map((der) => parseCertificate(der));
}

/** DER as it is, or what stands in the PEM blocks of a label. */
export function dersOf(bytes: Uint8Array, label: string): readonly Uint8Array[] {
  if (bytes[0] === derSequence) return [bytes];
  const blocks = decodePem(new TextDecoder('latin1').decode(bytes));
  return blocks.filter((block) => block.label === label).map(({ der }) => der);
}

const derSequence = 0x30;
