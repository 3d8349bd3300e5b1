// AWS Nitro with an AWS of our own, and evidence without a TEE.
import type { KeyObject } from 'node:crypto';
import { type CborValue, encodeCbor } from '@coco/crypto';
import { type Authority, certificate, idOf, keyUsage, newEc, p1363, revocationList } from './certificates.ts';
import { type BadInput, evaluateAt, type Folder } from './folder.ts';

interface DocumentOptions {
  /** First byte of every register. */
  readonly pcr?: number;
  readonly bundle?: readonly Uint8Array[];
  readonly certificate?: Uint8Array;
  readonly timestamp?: number;
  readonly fields?: readonly (readonly [string, CborValue])[];
}

/** Makes the vectors; answers with the roots to pin. */
export function makeNitro(folder: Folder): readonly string[] {
  const root: Authority = { name: 'aws.nitro-enclaves', key: newEc('P-384'), algorithm: 'ecdsa384' };
  const zone: Authority = { name: 'zone.aws.nitro-enclaves', key: newEc('P-384'), algorithm: 'ecdsa384' };
  const leaf = newEc('P-384');
  const serial = Buffer.from([2, 2, 2]);
  const rootDer = certificate({ subject: root.name, key: root.key, issuer: root, ca: true });
  const zoneDer = certificate({ subject: zone.name, key: zone.key, issuer: root, ca: true, serial });
  const leafOf = (key: KeyObject, issuer: Authority, usage = 0x80) =>
    certificate({ subject: 'i-1-enc1', key, issuer, extensions: [keyUsage(usage)] });
  const leafDer = leafOf(leaf, zone);
  const document = (options: DocumentOptions = {}) => {
    const { pcr = 0x42, bundle = [rootDer, zoneDer], timestamp = Date.parse(evaluateAt) } = options;
    const pcrs = new Map<CborValue, CborValue>(
      [0, 1, 2, 3, 4, 8].map((index) => [index, new Uint8Array(48).fill(pcr)]),
    );
    const fields = new Map<string, CborValue>([
      ['module_id', 'i-1-enc1'],
      ['digest', 'SHA384'],
      ['timestamp', timestamp],
      ['pcrs', pcrs],
      ['certificate', options.certificate ?? leafDer],
      ['cabundle', bundle],
      ['public_key', null],
      ['user_data', new Uint8Array(folder.nodeDigest)],
      ['nonce', new Uint8Array(32).fill(6)],
      ...(options.fields ?? []),
    ]);
    return signed(leaf, new Map<CborValue, CborValue>(fields));
  };
  const vector = (
    name: string,
    expected: string,
    what: string,
    bytes: Uint8Array,
    bad?: BadInput,
    crl?: Uint8Array,
  ) => {
    const files = { 'document.cose': bytes, 'node.pub.der': folder.nodeKey, ...(crl && { 'crl.der': crl }) };
    folder.vector(`nitro/${name}`, expected, files, what, bad);
  };
  vector('document', 'valid', 'A document', document());
  vector(
    'tagged',
    'valid',
    'A document with the tag of COSE_Sign1',
    Buffer.concat([Buffer.of(0xd2), document()]),
  );
  vector(
    'public-key',
    'valid',
    'The key itself in public_key, nothing else',
    document({
      fields: [
        ['public_key', new Uint8Array(folder.nodeKey)],
        ['user_data', null],
        ['nonce', null],
      ],
    }),
  );
  vector('debug', 'refused: debug', 'Registers of zeros', document({ pcr: 0 }), 'debug');
  vector(
    'odd-order',
    'refused: odd order',
    'The bundle from the leaf up',
    document({ bundle: [zoneDer, rootDer] }),
    'chain in odd order',
  );
  vector(
    'old',
    'refused: old',
    'A document of yesterday',
    document({ timestamp: Date.parse(evaluateAt) - 86_400_000 }),
  );
  vector(
    'other-digest',
    'refused: digest',
    'Registers of another hash',
    document({ fields: [['digest', 'SHA256']] }),
  );
  vector(
    'oversized',
    'refused: malformed',
    'More user data than there is room for',
    document({
      fields: [['user_data', new Uint8Array(1025)]],
    }),
    'oversized',
  );
  vector(
    'other-leaf',
    'refused: signature',
    'The certificate of another enclave',
    document({ certificate: leafOf(newEc('P-384'), zone) }),
    'swapped certificates',
  );
  const stranger = { ...zone, key: newEc('P-384') };
  vector(
    'wrong-issuer',
    'refused: chain',
    'Issued by somebody of the same name',
    document({ certificate: leafOf(leaf, stranger) }),
    'wrong issuer',
  );
  vector(
    'may-not-sign',
    'refused: key usage',
    'A key for something else',
    document({ certificate: leafOf(leaf, zone, 0x04) }),
  );
  vector(
    'revoked',
    'refused: revoked',
    'The zone is on the list of the root',
    document(),
    'revoked',
    revocationList(root, [serial]),
  );
  const file = 'nitro/document/document.cose';
  const edit = (name: string, change: object, expect: string, bad?: BadInput) =>
    folder.mutation('nitro/document', name, { file, ...change }, expect, bad);
  edit('payload bit', { xor: [[100, 1]] }, 'signature invalid', 'one bit of what is signed');
  edit('signature bit', { xorFromEnd: [[1, 1]] }, 'signature invalid');
  edit('byte after', { append: '00' }, 'trailing data refused');
  edit('other algorithm', { set: [[5, '26']] }, 'unsupported algorithm', 'wrong algorithm');
  edit('cut short', { truncate: 300 }, 'malformed', 'truncated');
  const asked = { policy: { pcrs: { '9': '00'.repeat(48) } } };
  folder.mutation('nitro/document', 'PCR 9 asked', asked, 'PCR differs');
  folder.commonMutations('nitro/document');
  return [idOf(root.key)];
}

/** COSE_Sign1 without a tag, as AWS writes it. */
function signed(key: KeyObject, fields: CborValue): Uint8Array {
  const headers = encodeCbor(new Map([[1, -35]]));
  const payload = encodeCbor(fields);
  const toBeSigned = encodeCbor(['Signature1', headers, new Uint8Array(0), payload]);
  return encodeCbor([headers, new Map(), payload, new Uint8Array(p1363(key, 'sha384', toBeSigned))]);
}

export function makeVirtual(folder: Folder): void {
  const json = (measurement: string) =>
    Buffer.from(
      JSON.stringify({
        measurement,
        host_data: '11'.repeat(32),
        report_data: Buffer.alloc(32, 7).toString('base64'),
      }),
    );
  const insecure = json('Insecure hard-coded virtual measurement v1');
  folder.vector('virtual/statement', 'valid', { 'virtual.json': insecure }, 'Proves nothing');
  folder.vector(
    'virtual/other',
    'refused: measurement',
    { 'virtual.json': json('mine') },
    'Another measurement',
  );
  folder.mutation(
    'virtual/statement',
    'not accepted',
    { policy: { platforms: ['snp', 'tdx'] } },
    'not accepted',
  );
}
