// A TPM in software: the structures a real one signs, by keys of our own.
import { constants, createHash, createPublicKey, type KeyObject, sign } from 'node:crypto';
import {
  type Authority,
  type Bytes,
  cat,
  certificate,
  extendedKeyUsage,
  newEc,
  newRsa,
  p1363,
  pem,
  pointOf,
  revocationList,
} from './certificates.ts';
import type { BadInput, Edit, Folder } from './folder.ts';

const u16 = (value: number): Buffer => Buffer.from([value >> 8, value & 255]);
const u32 = (value: number): Buffer => cat(u16(value >>> 16), u16(value & 0xffff));
const sized = (bytes: Bytes): Buffer => cat(u16(bytes.length), bytes);
const sha256 = (...parts: readonly Bytes[]): Buffer =>
  createHash('sha256')
    .update(cat(...parts))
    .digest();

/** fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, restricted, sign. */
const restricted = 0x50072;
const unrestricted = 0x40072;

function publicArea(key: KeyObject, attributes: number): Buffer {
  const start = (type: number) => cat(u16(type), u16(11), u32(attributes), u16(0), u16(0x10));
  if (key.asymmetricKeyType === 'ec') {
    const point = pointOf(key);
    const parameters = cat(u16(0x18), u16(11), u16(3), u16(0x10));
    return cat(start(0x23), parameters, sized(point.subarray(0, 32)), sized(point.subarray(32)));
  }
  const modulus = Buffer.from(createPublicKey(key).export({ format: 'jwk' }).n!, 'base64url');
  return cat(start(1), u16(0x14), u16(11), u16(2048), u32(0), sized(modulus));
}

const events: readonly (readonly [number, string])[] = [
  [0, 'firmware 1.2.3'],
  [4, 'boot loader'],
  [7, 'SecureBoot=1'],
];

/** Hashes of banks by their TCG numbers. */
const hashes = { 4: 'sha1', 11: 'sha256', 12: 'sha384' } as const;
type Bank = keyof typeof hashes;
const hash = (bank: Bank, ...parts: readonly Bytes[]): Buffer =>
  createHash(hashes[bank])
    .update(cat(...parts))
    .digest();

/** A log with digests of these banks; started from a locality, PCR 0 does not begin at zero. */
function bootLog(banks: readonly Bank[], locality?: number): Buffer {
  const little16 = (value: number) => u16(value).reverse();
  const little32 = (value: number) => u32(value).reverse();
  const spec = cat(
    Buffer.from('Spec ID Event03\0'),
    Buffer.alloc(8),
    little32(banks.length),
    ...banks.map((bank) => cat(little16(bank), little16(hash(bank).length))),
    Buffer.alloc(1),
  );
  const first = cat(little32(0), little32(3), Buffer.alloc(20), little32(spec.length), spec);
  const event = (pcr: number, type: number, data: Bytes) =>
    cat(
      little32(pcr),
      little32(type),
      little32(banks.length),
      ...banks.map((bank) =>
        cat(little16(bank), type === 3 ? Buffer.alloc(hash(bank).length) : hash(bank, data)),
      ),
      little32(data.length),
      data,
    );
  const start = cat(Buffer.from('StartupLocality\0'), Uint8Array.of(locality ?? 0));
  const begun = locality === undefined ? [] : [event(0, 3, start)];
  return cat(first, ...begun, ...events.map(([pcr, text]) => event(pcr, 8, Buffer.from(text))));
}

function registers(bank: Bank, locality = 0): readonly Buffer[] {
  const size = hash(bank).length;
  const values: Buffer[] = Array.from({ length: 24 }, () => Buffer.alloc(size));
  values[0]![size - 1] = locality;
  for (const [pcr, text] of events) values[pcr] = hash(bank, values[pcr]!, hash(bank, Buffer.from(text)));
  return values;
}

export interface Quoted {
  readonly nonce: Bytes;
  readonly pcrs: readonly number[];
  readonly bank?: Bank;
  readonly locality?: number;
  readonly type?: number;
  readonly magic?: number;
}

export function attest({
  nonce,
  pcrs,
  bank = 11,
  locality,
  type = 0x8018,
  magic = 0xff544347,
}: Quoted): Buffer {
  const bitmap = Buffer.alloc(3);
  for (const pcr of pcrs) bitmap[pcr >> 3]! |= 1 << (pcr & 7);
  const all = registers(bank, locality);
  const digest = sha256(...pcrs.map((pcr) => all[pcr]!));
  const clock = cat(Buffer.alloc(8), u32(1), u32(0), Buffer.of(1));
  return cat(
    u32(magic),
    u16(type),
    sized(Buffer.alloc(34, 1)),
    sized(nonce),
    clock,
    Buffer.alloc(8),
    u32(1),
    u16(bank),
    Buffer.of(3),
    bitmap,
    sized(digest),
  );
}

export function signature(key: KeyObject, data: Bytes, scheme = 0x14): Buffer {
  if (scheme === 0x16) {
    const pss = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
    return cat(u16(scheme), u16(11), sized(sign('sha256', data, pss)));
  }
  if (key.asymmetricKeyType === 'rsa') return cat(u16(0x14), u16(11), sized(sign('sha256', data, key)));
  const both = p1363(key, 'sha256', data);
  return cat(u16(0x18), u16(11), sized(both.subarray(0, 32)), sized(both.subarray(32)));
}

/** All 24 values of a bank, one after the other. */
export const registerFile = (bank: Bank = 11, locality = 0): Buffer => cat(...registers(bank, locality));

interface VectorOptions {
  readonly quoted?: Partial<Quoted>;
  readonly attributes?: number;
  readonly usage?: string;
  readonly scheme?: number;
  readonly log?: Bytes;
  readonly files?: Readonly<Record<string, Bytes>>;
}

/** Makes the vectors. The authority comes with each: the folder names it. */
export function makeTpm(folder: Folder): void {
  const authority: Authority = { name: 'Test TPM authority', key: newEc('P-384'), algorithm: 'ecdsa384' };
  const root = certificate({ subject: authority.name, key: authority.key, issuer: authority, ca: true });
  const good: Quoted = { nonce: folder.nodeDigest, pcrs: [0, 1, 2, 3, 4, 7] };
  const serial = Buffer.from([3, 3, 3]);
  const leafOf = (key: KeyObject, issuer: Authority, usage = '2.23.133.8.3') =>
    certificate({ subject: 'AK', key, issuer, serial, extensions: [extendedKeyUsage(usage)] });
  const vector = (
    name: string,
    expected: string,
    what: string,
    key: KeyObject,
    { quoted, attributes = restricted, usage, scheme, log = bootLog([11]), files = {} }: VectorOptions = {},
    bad?: BadInput,
  ) => {
    const shown = { ...good, ...quoted };
    const message = attest(shown);
    const all = {
      'quote.msg': message,
      'quote.sig': signature(key, message, scheme),
      'quote.pcrs': registerFile(shown.bank, shown.locality),
      'ak.tpmtpub': publicArea(key, attributes),
      'certificates.pem': pem(leafOf(key, authority, usage), root),
      'boot.log': log,
      'node.pub.der': folder.nodeKey,
      ...files,
    };
    folder.vector(`tpm/${name}`, expected, all, what, bad);
  };
  const [rsa, ecc] = [newRsa(), newEc('P-256')];
  vector('rsa', 'valid', 'RSA key', rsa);
  vector('rsa-pss', 'valid', 'RSA key that signs by PSS', rsa, { scheme: 0x16 });
  vector('ecc', 'valid', 'ECC key', ecc);
  vector('two-banks', 'valid', 'A log with SHA-1 beside', ecc, { log: bootLog([4, 11]) });
  vector('sha384', 'valid', 'Registers and log of SHA-384', ecc, {
    quoted: { bank: 12 },
    log: bootLog([11, 12]),
  });
  vector('locality', 'valid', 'Started from locality 3', ecc, {
    quoted: { locality: 3 },
    log: bootLog([11], 3),
  });
  vector('sha1', 'refused: SHA-1 bank', 'Registers of SHA-1', ecc, {
    quoted: { bank: 4 },
    log: bootLog([4]),
  });
  vector('other-bank', 'refused: log', 'A log without the quoted bank', ecc, { log: bootLog([12]) });
  vector('unrestricted', 'refused: the key signs anything', 'A key that is not restricted', ecc, {
    attributes: unrestricted,
  });
  vector('other-usage', 'refused: key usage', 'A certificate for TLS', ecc, { usage: '1.3.6.1.5.5.7.3.1' });
  vector('certify', 'refused: not a quote', 'TPM2_Certify', ecc, { quoted: { type: 0x8017 } });
  vector('no-magic', 'refused: magic', 'Data from outside', ecc, { quoted: { magic: 0x12345678 } });
  vector('few-pcrs', 'refused: selection', 'Without PCR 7', ecc, { quoted: { pcrs: [0, 4] } });
  vector('other-key', 'refused: other key', 'A quote for another node', ecc, {
    quoted: { nonce: sha256(folder.nodeDigest) },
  });
  const stranger: Authority = { ...authority, key: newEc('P-384') };
  const pems = (...ders: readonly Bytes[]) => ({ files: { 'certificates.pem': pem(...ders) } });
  const leaf = leafOf(ecc, authority);
  const crl = { 'crl.der': revocationList(authority, [serial]) };
  vector('revoked', 'refused: revoked', 'On the list of the authority', ecc, { files: crl }, 'revoked');
  vector(
    'wrong-issuer',
    'refused: chain',
    'Issued by somebody of the same name',
    ecc,
    pems(leafOf(ecc, stranger), root),
    'wrong issuer',
  );
  vector('odd-order', 'refused: chain', 'The root first', ecc, pems(root, leaf), 'chain in odd order');
  vector(
    'other-certificate',
    'refused: key',
    'The certificate of another key',
    ecc,
    pems(leafOf(rsa, authority), root),
    'swapped certificates',
  );
  mutations(folder);
}

function mutations(folder: Folder): void {
  const base = 'tpm/ecc';
  const [file, pcrFile, logFile] = ['tpm/ecc/quote.msg', 'tpm/ecc/quote.pcrs', 'tpm/ecc/boot.log'];
  const signed = 'tpm/ecc/quote.sig';
  const edit = (name: string, change: Edit, expect: string, bad?: BadInput) =>
    folder.mutation(base, name, change, expect, bad);
  edit('nonce bit', { file, xor: [[44, 1]] }, 'signature invalid', 'one bit of what is signed');
  edit('PCR 7 bit', { file: pcrFile, xor: [[7 * 32, 1]] }, 'PCR digest differs');
  edit('log bit', { file: logFile, xor: [[90, 1]] }, 'the log does not replay');
  edit('log cut short', { file: logFile, truncate: 100 }, 'the log does not replay');
  edit(
    'log of another boot',
    { file: logFile, replaceWith: ['tpm/neg/other.log'] },
    'the log does not replay',
    'of another machine',
  );
  edit(
    'signature of the other key',
    { file: signed, replaceWith: ['tpm/rsa/quote.sig'] },
    'wrong kind of signature',
  );
  edit('signature cut short', { file: signed, truncate: 20 }, 'malformed signature', 'truncated');
  edit('signature too long', { file: signed, append: '00' }, 'malformed signature', 'oversized');
  edit(
    'signature over SHA-1',
    { file: signed, set: [[2, '0004']] },
    'unsupported algorithm',
    'wrong algorithm',
  );
  edit('PCR 4 asked', { policy: { pcrs: { '4': '00'.repeat(32) } } }, 'PCR differs');
  folder.write('tpm/neg/other.log', bootLog([11], 3));
  folder.commonMutations(base);
  folder.mutation(
    'tpm/rsa',
    'signature bit',
    { file: 'tpm/rsa/quote.sig', xorFromEnd: [[1, 1]] },
    'signature invalid',
  );
}
