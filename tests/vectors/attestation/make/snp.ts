// SEV-SNP with an AMD of our own.
import type { KeyObject } from 'node:crypto';
import {
  type Authority,
  type Bytes,
  cat,
  certificate,
  extension,
  ia5,
  idOf,
  integer,
  newEc,
  newRsa,
  p1363,
  pem,
  revocationList,
  validFrom,
} from './certificates.ts';
import type { BadInput, Folder } from './folder.ts';

const arc = '1.3.6.1.4.1.3704.1.';
export interface Amd {
  readonly ark: Authority;
  readonly arkCertificate: Buffer;
  readonly ask: Authority;
  readonly askCertificate: Buffer;
  readonly askSerial: Buffer;
}

export function amd(product: string): Amd {
  const ark: Authority = { name: `ARK-${product}`, key: newRsa(), algorithm: 'pss384' };
  const ask: Authority = { name: `SEV-${product}`, key: newRsa(), algorithm: 'pss384' };
  const askSerial = Buffer.from([1, 2, 3]);
  return {
    ark,
    ask,
    askSerial,
    arkCertificate: certificate({ subject: ark.name, key: ark.key, issuer: ark, ca: true }),
    askCertificate: certificate({
      subject: ask.name,
      key: ask.key,
      issuer: ark,
      ca: true,
      serial: askSerial,
    }),
  };
}

/** Versions by the number of their extension, and the hardware id. */
export function vcek(
  issuer: Authority,
  key: KeyObject,
  product: string,
  svns: Readonly<Record<string, number>>,
  chip: Bytes,
): Buffer {
  const extensions = [
    extension(`${arc}1`, integer(0)),
    extension(`${arc}2`, ia5(`${product}-B0`)),
    ...Object.entries(svns).map(([part, svn]) => extension(`${arc}3.${part}`, integer(svn))),
    extension(`${arc}4`, chip),
  ];
  return certificate({ subject: 'SEV-VCEK', key, issuer, extensions, serial: Uint8Array.of(0) });
}

export interface ReportOptions {
  readonly version: number;
  readonly cpu?: readonly [number, number];
  readonly tcb: Bytes;
  readonly chip: Bytes;
  readonly policy?: bigint;
  readonly vmpl?: number;
  readonly keyInfo?: number;
  readonly reportData?: Bytes;
  /** What runs, and what the host cannot go below; as reported when left out. */
  readonly running?: Bytes;
  readonly agent?: boolean;
}

export function report(key: KeyObject, options: ReportOptions): Buffer {
  const bytes = Buffer.alloc(1184);
  bytes.writeUInt32LE(options.version, 0);
  bytes.writeBigUInt64LE(options.policy ?? 0x3001fn, 8);
  bytes.writeUInt32LE(options.vmpl ?? 0, 0x30);
  bytes.writeUInt32LE(1, 0x34);
  bytes.writeBigUInt64LE(0x25n, 0x40);
  bytes.writeUInt32LE(options.keyInfo ?? 0, 0x48);
  bytes.set(options.reportData ?? [], 0x50);
  bytes.fill(0x22, 0x90, 0xc0);
  bytes.fill(0x33, 0xc0, 0xe0);
  bytes.fill(options.agent === true ? 0x44 : 0xff, 0x160, 0x180);
  for (const offset of [0x180, 0x1f0]) bytes.set(options.tcb, offset);
  for (const offset of [0x38, 0x1e0]) bytes.set(options.running ?? options.tcb, offset);
  if (options.version >= 3) bytes.set([...(options.cpu ?? [0x19, 1]), 1], 0x188);
  bytes.set(options.chip, 0x1a0);
  bytes.set([29, 55, 1], 0x1e8);
  bytes.set([29, 55, 1], 0x1ec);
  const signature = p1363(key, 'sha384', bytes.subarray(0, 0x2a0));
  bytes.set(signature.subarray(0, 48).reverse(), 0x2a0);
  bytes.set(signature.subarray(48).reverse(), 0x2a0 + 72);
  return bytes;
}

/** Versions as a Milan or Genoa reports them, and as its certificate has them. */
export const classicTcb = {
  bytes: Buffer.from([4, 0, 0, 0, 0, 0, 24, 219]),
  svns: { '1': 4, '2': 0, '3': 24, '8': 219 },
} as const;

const shortChip = Buffer.from('59790fb1c39f35c1', 'hex');
const turinTcb = {
  bytes: Buffer.from([1, 1, 1, 4, 0, 0, 0, 81]),
  svns: { '1': 1, '2': 1, '3': 4, '8': 81, '9': 1 },
} as const;

/** Makes the vectors; answers with the roots to pin. */
export function makeSnp(folder: Folder, milan: Amd): Record<string, readonly string[]> {
  const [genoa, turin] = [amd('Genoa'), amd('Turin')];
  const key = newEc('P-384');
  const chip = Buffer.alloc(64, 0xc1);
  const leaf = vcek(milan.ask, key, 'Milan', classicTcb.svns, chip);
  const chain = pem(leaf, milan.askCertificate, milan.arkCertificate);
  const good: ReportOptions = { version: 3, tcb: classicTcb.bytes, chip, reportData: folder.nodeDigest };
  const add = (name: string, expected: string, what: string, files: Record<string, Bytes>, bad?: BadInput) =>
    folder.vector(`snp/${name}`, expected, { ...files, 'node.pub.der': folder.nodeKey }, what, bad);
  const vector = (
    name: string,
    expected: string,
    what: string,
    change: Partial<ReportOptions>,
    bad?: BadInput,
  ) =>
    add(name, expected, what, { 'report.bin': report(key, { ...good, ...change }), 'chain.pem': chain }, bad);
  vector('v3', 'valid', 'Report of version 3, Milan', {});
  vector('v2', 'valid', 'Report of version 2, which does not name the processor', { version: 2 });
  vector('v4', 'valid', 'Report of version 4, laid out as 3', { version: 4 });
  vector('v5', 'valid', 'Report of version 5, Milan', { version: 5 });
  vector('running-newer', 'valid', 'Runs newer firmware than it reports', {
    running: Buffer.from([4, 0, 0, 0, 0, 0, 24, 220]),
  });
  vector(
    'debug',
    'refused: debug',
    'Guest policy with the DEBUG bit',
    { policy: 0x3001fn | (1n << 19n) },
    'debug',
  );
  vector('migration', 'refused: migration', 'Guest policy that allows a migration agent', {
    policy: 0x3001fn | (1n << 18n),
  });
  vector('agent', 'refused: migration', 'A migration agent is bound', { agent: true });
  vector('host-asked', 'refused: VMPL', 'Asked for by the host', { vmpl: 0xffff_ffff });
  vector('masked', 'refused: chip key masked', 'MASK_CHIP_KEY', { keyInfo: 2 });
  vector('no-key', 'refused: signing key kind', 'SIGNING_KEY none', { keyInfo: 7 << 2 });
  vector('other-tcb', 'refused: TCB differs', 'Reports versions the certificate is not for', {
    tcb: Buffer.from([4, 0, 0, 0, 0, 0, 24, 218]),
  });
  vector('other-chip', 'refused: other chip', 'Another CHIP_ID than the certificate', {
    chip: Buffer.alloc(64, 0xc2),
  });
  vector('odd-tcb', 'refused: TCB', 'A part of the versions that Milan does not have', {
    tcb: Buffer.from([4, 0, 1, 0, 0, 0, 24, 219]),
  });
  const crl = (
    name: string,
    expected: string,
    what: string,
    serial: Bytes,
    bad?: BadInput,
    until?: string,
  ) => {
    const crlDer = revocationList(milan.ark, [serial], until);
    add(
      name,
      expected,
      what,
      { 'report.bin': report(key, good), 'chain.pem': chain, 'crl.der': crlDer },
      bad,
    );
  };
  crl(
    'revoked',
    'refused: revoked',
    'The intermediate is on the list of the root',
    milan.askSerial,
    'revoked',
  );
  crl('not-revoked', 'valid', 'A list that names somebody else', Uint8Array.of(9));
  crl('old-list', 'refused: list', 'A list that has expired', Uint8Array.of(9), undefined, validFrom);
  const wrapped = vcek(milan.ask, key, 'Milan', classicTcb.svns, cat(Uint8Array.of(4, 64), chip));
  add('wrapped-id', 'valid', 'The hardware id in an octet string, as of 2023', {
    'report.bin': report(key, good),
    'chain.pem': pem(wrapped, milan.askCertificate, milan.arkCertificate),
  });
  makeOthers(folder, { genoa, turin }, key);
  makeVlek(folder, milan, key, { ...good, chip: Buffer.alloc(64), keyInfo: 1 << 2 });
  const other = certificate({ subject: milan.ask.name, key: newRsa(), issuer: milan.ark, ca: true });
  const otherLeaf = vcek(milan.ask, newEc('P-384'), 'Milan', classicTcb.svns, Buffer.alloc(64, 0xc2));
  folder.write('snp/neg/wrong-issuer.pem', pem(leaf, other, milan.arkCertificate));
  folder.write('snp/neg/odd-order.pem', pem(leaf, milan.arkCertificate, milan.askCertificate));
  folder.write('snp/neg/root-first.pem', pem(milan.arkCertificate, milan.askCertificate, leaf));
  folder.write('snp/neg/other-leaf.pem', pem(otherLeaf, milan.askCertificate, milan.arkCertificate));
  mutations(folder);
  return {
    Milan: [idOf(milan.ark.key)],
    Genoa: [idOf(genoa.ark.key)],
    Turin: [idOf(turin.ark.key)],
  };
}

/** The other products: Genoa is like Milan, Turin has a part more, and a shorter hardware id. */
function makeOthers(
  folder: Folder,
  { genoa, turin }: { readonly genoa: Amd; readonly turin: Amd },
  key: KeyObject,
): void {
  const add = (
    name: string,
    what: string,
    { ask, askCertificate, arkCertificate }: Amd,
    leafOf: (issuer: Authority) => Buffer,
    options: ReportOptions,
    expected = 'valid',
  ) => {
    const files = {
      'report.bin': report(key, { ...options, reportData: folder.nodeDigest }),
      'chain.pem': pem(leafOf(ask), askCertificate, arkCertificate),
      'node.pub.der': folder.nodeKey,
    };
    folder.vector(`snp/${name}`, expected, files, what);
  };
  const chip = Buffer.alloc(64, 0xc3);
  const genoaLeaf = (issuer: Authority) => vcek(issuer, key, 'Genoa', classicTcb.svns, chip);
  const turinLeaf = (issuer: Authority) => vcek(issuer, key, 'Turin', turinTcb.svns, shortChip);
  const classic = { tcb: classicTcb.bytes, chip };
  const fmc = { tcb: turinTcb.bytes, chip: cat(shortChip, Buffer.alloc(56)) };
  for (const version of [3, 5]) {
    add(`genoa-v${version}`, `Report of version ${version}, Genoa`, genoa, genoaLeaf, {
      ...classic,
      version,
      cpu: [0x19, 0x11],
    });
    add(
      `turin-v${version}`,
      `Report of version ${version}, Turin: FMC, hardware id of 8 bytes`,
      turin,
      turinLeaf,
      { ...fmc, version, cpu: [0x1a, 2] },
    );
  }
  add('siena', 'A model of Genoa with another number', genoa, genoaLeaf, {
    ...classic,
    version: 3,
    cpu: [0x19, 0xa0],
  });
  const tail = cat(shortChip, Buffer.alloc(55), Uint8Array.of(1));
  add(
    'turin-long-id',
    'A CHIP_ID longer than the hardware id',
    turin,
    turinLeaf,
    { ...fmc, chip: tail, version: 5, cpu: [0x1a, 2] },
    'refused: other chip',
  );
  add(
    'unknown-model',
    'A processor nobody knows',
    genoa,
    genoaLeaf,
    { ...classic, version: 3, cpu: [0x19, 0x50] },
    'refused: unknown processor',
  );
}

/** A key that the cloud loaded: another intermediate, no chip, and the cloud's name instead. */
function makeVlek(
  folder: Folder,
  { ark, arkCertificate }: Amd,
  key: KeyObject,
  options: ReportOptions,
): void {
  const asvk: Authority = { name: 'SEV-VLEK-Milan', key: newRsa(), algorithm: 'pss384' };
  const asvkCertificate = certificate({ subject: asvk.name, key: asvk.key, issuer: ark, ca: true });
  const extensions = [
    extension(`${arc}2`, ia5('Milan')),
    ...[4, 0, 24].map((svn, index) => extension(`${arc}3.${index + 1}`, integer(svn))),
    extension(`${arc}3.8`, integer(219)),
    extension(`${arc}5`, ia5('CN=cloud.example')),
  ];
  const leaf = certificate({ subject: 'SEV-VLEK', key, issuer: asvk, extensions });
  const files = {
    'report.bin': report(key, options),
    'chain.pem': pem(leaf, asvkCertificate, arkCertificate),
    'node.pub.der': folder.nodeKey,
  };
  folder.vector('snp/vlek', 'valid', files, 'Signed with a key that the cloud holds; the chip is masked');
  folder.mutation('snp/vlek', 'not allowed', { policy: { allowVlek: false } }, 'signing key kind refused');
}

function mutations(folder: Folder): void {
  const file = 'snp/v3/report.bin';
  const chain = 'snp/v3/chain.pem';
  for (const [what, offset] of [
    ['policy', 10],
    ['report data', 80],
    ['measurement', 144],
    ['host data', 192],
    ['chip id', 416],
  ] as const) {
    const bad = what === 'measurement' ? 'one bit of what is signed' : undefined;
    folder.mutation('snp/v3', `${what} bit`, { file, xor: [[offset, 1]] }, 'signature invalid', bad);
  }
  folder.mutation('snp/v3', 'signature bit', { file, xor: [[0x2a0, 1]] }, 'signature invalid');
  folder.mutation('snp/v3', 'signature padding', { file, set: [[0x2a0 + 48, '01']] }, 'malformed signature');
  folder.mutation('snp/v3', 'cut short', { file, truncate: 1183 }, 'malformed', 'truncated');
  folder.mutation('snp/v3', 'too long', { file, append: '00' }, 'malformed', 'oversized');
  folder.mutation('snp/v3', 'version 6', { file, set: [[0, '06000000']] }, 'unsupported version');
  folder.mutation(
    'snp/v3',
    'algorithm 2',
    { file, set: [[0x34, '02000000']] },
    'unsupported algorithm',
    'wrong algorithm',
  );
  folder.mutation(
    'snp/v3',
    'Turin chain',
    { file: chain, replaceWith: ['snp/turin-v5/chain.pem'] },
    'root not the one pinned',
    'of another machine',
  );
  folder.mutation(
    'snp/v3',
    'chain in odd order',
    { file: chain, replaceWith: ['snp/neg/odd-order.pem'] },
    'root not the one pinned',
    'chain in odd order',
  );
  folder.mutation(
    'snp/v3',
    'root first',
    { file: chain, replaceWith: ['snp/neg/root-first.pem'] },
    'root not the one pinned',
  );
  folder.mutation(
    'snp/v3',
    'wrong issuer',
    { file: chain, replaceWith: ['snp/neg/wrong-issuer.pem'] },
    'not issued by the next',
    'wrong issuer',
  );
  folder.mutation(
    'snp/v3',
    'chain of the cloud',
    { file: chain, replaceWith: ['snp/vlek/chain.pem'] },
    'signing key kind refused',
  );
  folder.mutation(
    'snp/v3',
    'key of another chip',
    { file: chain, replaceWith: ['snp/neg/other-leaf.pem'] },
    'signature invalid',
    'swapped certificates',
  );
  folder.commonMutations('snp/v3');
  folder.mutation(
    'snp/v3',
    'minimum microcode 220',
    { policy: { minTcb: { microcode: 220 } } },
    'TCB too low',
  );
  folder.mutation('snp/v3', 'list required', { policy: { requireCrl: true } }, 'may be revoked');
  folder.mutation('snp/v2', 'version 3 required', { policy: { minReportVersion: 3 } }, 'unsupported version');
}
