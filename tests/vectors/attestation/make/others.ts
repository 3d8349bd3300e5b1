// AWS Nitro with an AWS of our own, and evidence without a TEE.
import type { KeyObject } from 'node:crypto';
import { type CborValue, encodeCbor } from '@coco/crypto';
import { type Authority, certificate, idOf, keyUsage, newEc, p1363 } from './certificates.ts';
import { evaluateAt, type Folder } from './folder.ts';

/** Makes the vectors; answers with the roots to pin. */
export function makeNitro(folder: Folder): readonly string[] {
  const root: Authority = { name: 'aws.nitro-enclaves', key: newEc('P-384'), algorithm: 'ecdsa384' };
  const zone: Authority = { name: 'zone.aws.nitro-enclaves', key: newEc('P-384'), algorithm: 'ecdsa384' };
  const leaf = newEc('P-384');
  const rootDer = certificate({ subject: root.name, key: root.key, issuer: root, ca: true });
  const zoneDer = certificate({ subject: zone.name, key: zone.key, issuer: root, ca: true });
  const leafDer = certificate({ subject: 'i-1-enc1', key: leaf, issuer: zone, extensions: [keyUsage(0x80)] });
  const document = (pcr: number, bundle: readonly Uint8Array[], timestamp = Date.parse(evaluateAt)) => {
    const pcrs = new Map<CborValue, CborValue>(
      [0, 1, 2, 3, 4, 8].map((index) => [index, new Uint8Array(48).fill(pcr)]),
    );
    const fields: readonly (readonly [string, CborValue])[] = [
      ['module_id', 'i-1-enc1'],
      ['digest', 'SHA384'],
      ['timestamp', timestamp],
      ['pcrs', pcrs],
      ['certificate', leafDer],
      ['cabundle', bundle],
      ['public_key', null],
      ['user_data', new Uint8Array(32).fill(5)],
      ['nonce', new Uint8Array(32).fill(6)],
    ];
    return signed(leaf, new Map<CborValue, CborValue>(fields));
  };
  const vector = (name: string, expected: string, what: string, bytes: Uint8Array) =>
    folder.vector(`nitro/${name}`, expected, { 'document.cose': bytes }, what);
  vector('document', 'valid', 'A document', document(0x42, [rootDer, zoneDer]));
  vector('debug', 'refused: debug', 'Registers of zeros', document(0, [rootDer, zoneDer]));
  vector(
    'odd-order',
    'refused: odd order',
    'The bundle from the leaf up',
    document(0x42, [zoneDer, rootDer]),
  );
  vector(
    'old',
    'refused: old',
    'A document of yesterday',
    document(0x42, [rootDer, zoneDer], Date.parse(evaluateAt) - 86_400_000),
  );
  const file = 'nitro/document/document.cose';
  folder.mutation('nitro/document', 'signature bit', { file, xorFromEnd: [[1, 1]] }, 'signature invalid');
  folder.mutation('nitro/document', 'byte after', { file, append: '00' }, 'trailing data refused');
  folder.mutation('nitro/document', 'other algorithm', { file, set: [[5, '26']] }, 'unsupported algorithm');
  folder.mutation('nitro/document', 'cut short', { file, truncate: 300 }, 'malformed');
  folder.mutation('nitro/document', 'other nonce', { policy: { nonce: '00' } }, 'nonce differs');
  folder.mutation(
    'nitro/document',
    'PCR 9 asked',
    { policy: { pcrs: { '9': '00'.repeat(48) } } },
    'PCR differs',
  );
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
