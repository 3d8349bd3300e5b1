// A TPM in software: the structures a real one signs, by keys of our own.
import { createHash, createPublicKey, type KeyObject, sign } from 'node:crypto';
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
} from './certificates.ts';
import type { Folder } from './folder.ts';

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

function bootLog(): Buffer {
  const little16 = (value: number) => u16(value).reverse();
  const little32 = (value: number) => u32(value).reverse();
  const spec = cat(
    Buffer.from('Spec ID Event03\0'),
    Buffer.alloc(8),
    little32(1),
    little16(11),
    little16(32),
    Buffer.alloc(1),
  );
  const first = cat(little32(0), little32(3), Buffer.alloc(20), little32(spec.length), spec);
  const rest = events.map(([pcr, text]) => {
    const data = Buffer.from(text);
    return cat(
      little32(pcr),
      little32(8),
      little32(1),
      little16(11),
      sha256(data),
      little32(data.length),
      data,
    );
  });
  return cat(first, ...rest);
}

function registers(): Buffer {
  const values: Buffer[] = Array.from({ length: 24 }, () => Buffer.alloc(32));
  for (const [pcr, text] of events) values[pcr] = sha256(values[pcr]!, sha256(Buffer.from(text)));
  return cat(...values);
}

interface Quoted {
  readonly nonce: Bytes;
  readonly pcrs: readonly number[];
  readonly type?: number;
  readonly magic?: number;
}

function attest({ nonce, pcrs, type = 0x8018, magic = 0xff544347 }: Quoted): Buffer {
  const bitmap = Buffer.alloc(3);
  for (const pcr of pcrs) bitmap[pcr >> 3]! |= 1 << (pcr & 7);
  const all = registers();
  const digest = sha256(...pcrs.map((pcr) => all.subarray(pcr * 32, pcr * 32 + 32)));
  const clock = cat(Buffer.alloc(8), u32(1), u32(0), Buffer.of(1));
  return cat(
    u32(magic),
    u16(type),
    sized(Buffer.alloc(34, 1)),
    sized(nonce),
    clock,
    Buffer.alloc(8),
    u32(1),
    u16(11),
    Buffer.of(3),
    bitmap,
    sized(digest),
  );
}

function signature(key: KeyObject, data: Bytes): Buffer {
  if (key.asymmetricKeyType === 'rsa') return cat(u16(0x14), u16(11), sized(sign('sha256', data, key)));
  const both = p1363(key, 'sha256', data);
  return cat(u16(0x18), u16(11), sized(both.subarray(0, 32)), sized(both.subarray(32)));
}

/** Makes the vectors. The authority comes with each: the folder names it. */
export function makeTpm(folder: Folder): void {
  const authority: Authority = { name: 'Test TPM authority', key: newEc('P-384'), algorithm: 'ecdsa384' };
  const root = certificate({ subject: authority.name, key: authority.key, issuer: authority, ca: true });
  const node = newEc('P-256');
  const nodeKey = createPublicKey(node).export({ type: 'spki', format: 'der' });
  const nonce = sha256(nodeKey);
  const pcrs = [0, 1, 2, 3, 4, 7];
  const vector = (
    name: string,
    expected: string,
    what: string,
    key: KeyObject,
    quoted: Quoted,
    attributes = restricted,
    usage = '2.23.133.8.3',
  ) => {
    const message = attest(quoted);
    const leaf = certificate({
      subject: 'AK',
      key,
      issuer: authority,
      extensions: [extendedKeyUsage(usage)],
    });
    const files = {
      'quote.msg': message,
      'quote.sig': signature(key, message),
      'quote.pcrs': registers(),
      'ak.tpmtpub': publicArea(key, attributes),
      'certificates.pem': pem(leaf, root),
      'boot.log': bootLog(),
      'node.pub.der': nodeKey,
    };
    folder.vector(`tpm/${name}`, expected, files, what);
  };
  const [rsa, ecc] = [newRsa(), newEc('P-256')];
  const good: Quoted = { nonce, pcrs };
  vector('rsa', 'valid', 'RSA key', rsa, good);
  vector('ecc', 'valid', 'ECC key', ecc, good);
  vector(
    'unrestricted',
    'refused: the key signs anything',
    'A key that is not restricted',
    ecc,
    good,
    unrestricted,
  );
  vector(
    'other-usage',
    'refused: key usage',
    'A certificate for TLS',
    ecc,
    good,
    restricted,
    '1.3.6.1.5.5.7.3.1',
  );
  vector('certify', 'refused: not a quote', 'TPM2_Certify', ecc, { ...good, type: 0x8017 });
  vector('no-magic', 'refused: magic', 'Data from outside', ecc, { ...good, magic: 0x12345678 });
  vector('few-pcrs', 'refused: selection', 'Without PCR 7', ecc, { ...good, pcrs: [0, 4] });
  vector('other-key', 'refused: other key', 'A quote for another node', ecc, {
    ...good,
    nonce: sha256(nonce),
  });
  mutations(folder);
}

function mutations(folder: Folder): void {
  const [file, pcrFile, logFile] = ['tpm/ecc/quote.msg', 'tpm/ecc/quote.pcrs', 'tpm/ecc/boot.log'];
  folder.mutation('tpm/ecc', 'nonce bit', { file, xor: [[44, 1]] }, 'signature invalid');
  folder.mutation('tpm/ecc', 'PCR 7 bit', { file: pcrFile, xor: [[7 * 32, 1]] }, 'PCR digest differs');
  folder.mutation('tpm/ecc', 'log bit', { file: logFile, xor: [[90, 1]] }, 'the log does not replay');
  folder.mutation(
    'tpm/ecc',
    'signature of the other key',
    { file: 'tpm/ecc/quote.sig', replaceWith: ['tpm/rsa/quote.sig'] },
    'wrong kind of signature',
  );
  folder.mutation('tpm/ecc', 'PCR 4 asked', { policy: { pcrs: { '4': '00'.repeat(32) } } }, 'PCR differs');
  folder.mutation(
    'tpm/rsa',
    'signature bit',
    { file: 'tpm/rsa/quote.sig', xorFromEnd: [[1, 1]] },
    'signature invalid',
  );
}
