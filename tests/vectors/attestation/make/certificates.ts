// A small certificate authority: DER by hand, so that vendors' extensions and odd certificates can be made.
import {
  constants,
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto';

export type Bytes = Uint8Array;
export const cat = (...parts: readonly Bytes[]): Buffer => Buffer.concat(parts);
const element = (tag: number, ...parts: readonly Bytes[]): Buffer => {
  const content = cat(...parts);
  const { length } = content;
  const header = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return cat(Uint8Array.of(tag, ...header), content);
};
export const sequence = (...parts: readonly Bytes[]): Buffer => element(0x30, ...parts);
export const octets = (bytes: Bytes): Buffer => element(0x04, bytes);
export const ia5 = (text: string): Buffer => element(0x16, Buffer.from(text, 'latin1'));
export const context = (number: number, ...parts: readonly Bytes[]): Buffer =>
  element(0xa0 + number, ...parts);
export const bitString = (bytes: Bytes, unused = 0): Buffer => element(0x03, Uint8Array.of(unused), bytes);
const nothing = element(0x05);
export const boolean = (value: boolean): Buffer => element(0x01, Uint8Array.of(value ? 255 : 0));

export function integer(value: number | Bytes): Buffer {
  const bytes =
    typeof value === 'number'
      ? Buffer.from(
          value
            .toString(16)
            .padStart(2, '0')
            .replace(/^(.)((..)*)$/, '0$1$2'),
          'hex',
        )
      : value;
  return element(0x02, bytes[0]! >= 0x80 ? cat(Uint8Array.of(0), bytes) : bytes);
}

export function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  const arcs = [40 * first + second, ...rest].flatMap((arc) => {
    const bytes = [arc & 127];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128))
      bytes.unshift((left & 127) | 128);
    return bytes;
  });
  return element(0x06, Uint8Array.from(arcs));
}

const name = (text: string): Buffer =>
  sequence(element(0x31, sequence(oid('2.5.4.3'), element(0x0c, Buffer.from(text)))));
const time = (iso: string): Buffer =>
  element(0x17, Buffer.from(`${iso.slice(2).replace(/[-:T]/g, '').slice(0, 12)}Z`));

const sha384 = sequence(oid('2.16.840.1.101.3.4.2.2'), nothing);
const algorithms = {
  pss384: sequence(
    oid('1.2.840.113549.1.1.10'),
    sequence(
      context(0, sha384),
      context(1, sequence(oid('1.2.840.113549.1.1.8'), sha384)),
      context(2, integer(48)),
    ),
  ),
  ecdsa256: sequence(oid('1.2.840.10045.4.3.2')),
  ecdsa384: sequence(oid('1.2.840.10045.4.3.3')),
};
export type Algorithm = keyof typeof algorithms;

export function signWith(key: KeyObject, algorithm: Algorithm, data: Bytes): Buffer {
  if (algorithm !== 'pss384') return sign(algorithm === 'ecdsa256' ? 'sha256' : 'sha384', data, key);
  return sign('sha384', data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 48 });
}

export const p1363 = (key: KeyObject, hash: 'sha256' | 'sha384', data: Bytes): Buffer =>
  sign(hash, data, { key, dsaEncoding: 'ieee-p1363' });
export const newRsa = (): KeyObject => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
export const newEc = (namedCurve: 'P-256' | 'P-384'): KeyObject =>
  generateKeyPairSync('ec', { namedCurve }).privateKey;
export const spkiOf = (key: KeyObject): Buffer =>
  createPublicKey(key).export({ type: 'spki', format: 'der' });
export const idOf = (key: KeyObject): string => createHash('sha256').update(spkiOf(key)).digest('hex');
/** x || y of an EC key. */
export const pointOf = (key: KeyObject): Buffer => {
  const { x, y } = createPublicKey(key).export({ format: 'jwk' });
  return cat(Buffer.from(x!, 'base64url'), Buffer.from(y!, 'base64url'));
};

export interface Authority {
  readonly name: string;
  readonly key: KeyObject;
  readonly algorithm: Algorithm;
}

export const validFrom = '2026-01-01T00:00:00Z';
export const validTo = '2046-01-01T00:00:00Z';
export const extension = (id: string, value: Bytes, critical = false): Buffer =>
  sequence(oid(id), ...(critical ? [boolean(true)] : []), octets(value));
export const keyUsage = (bits: number): Buffer =>
  extension('2.5.29.15', bitString(Uint8Array.of(bits)), true);
export const extendedKeyUsage = (...ids: readonly string[]): Buffer =>
  extension('2.5.29.37', sequence(...ids.map(oid)));

/** Issues a certificate. `subject` with its own `issuer` is self-signed. */
export function certificate(options: {
  readonly subject: string;
  readonly key: KeyObject;
  readonly issuer: Authority;
  readonly ca?: boolean;
  readonly extensions?: readonly Bytes[];
  readonly serial?: Bytes;
  readonly notAfter?: string;
}): Buffer {
  const {
    subject,
    key,
    issuer,
    ca = false,
    extensions = [],
    serial = cat(Uint8Array.of(1), randomBytes(8)),
  } = options;
  const all = ca
    ? [extension('2.5.29.19', sequence(boolean(true)), true), keyUsage(0x06), ...extensions]
    : extensions;
  const algorithm = algorithms[issuer.algorithm];
  const tbs = sequence(
    context(0, integer(2)),
    integer(serial),
    algorithm,
    name(issuer.name),
    sequence(time(validFrom), time(options.notAfter ?? validTo)),
    name(subject),
    spkiOf(key),
    ...(all.length === 0 ? [] : [context(3, sequence(...all))]),
  );
  return sequence(tbs, algorithm, bitString(signWith(issuer.key, issuer.algorithm, tbs)));
}

/** Issues a revocation list over serial numbers. */
export function revocationList(
  issuer: Authority,
  serials: readonly Bytes[],
  until: string = validTo,
): Buffer {
  const algorithm = algorithms[issuer.algorithm];
  const entries = serials.map((serial) => sequence(integer(serial), time(validFrom)));
  const tbs = sequence(
    integer(1),
    algorithm,
    name(issuer.name),
    time(validFrom),
    time(until),
    ...(entries.length === 0 ? [] : [sequence(...entries)]),
  );
  return sequence(tbs, algorithm, bitString(signWith(issuer.key, issuer.algorithm, tbs)));
}

export function pem(...ders: readonly Bytes[]): Buffer {
  const block = (der: Bytes) =>
    `-----BEGIN CERTIFICATE-----\n${Buffer.from(der)
      .toString('base64')
      .replace(/.{64}(?!$)/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
  return Buffer.from(ders.map(block).join(''));
}
