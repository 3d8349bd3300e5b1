// TDX with the Intel of our own.
import { type Bytes, cat, newEc } from './certificates.ts';
import type { BadInput, Folder } from './folder.ts';
import {
  component,
  type Intel,
  type Levels,
  moduleSvn,
  pck,
  type QuoteOptions,
  quote,
  quoteVectors,
  u16,
  u32,
} from './intel.ts';

export interface Domain {
  readonly reportData?: Bytes;
  readonly attributes?: bigint;
  readonly svn?: Bytes;
  readonly running?: Bytes;
  readonly serviceTd?: number;
}

const currentSvn = Uint8Array.of(moduleSvn, 1, component);

export function tdBody(
  version: 4 | 5,
  { attributes = 1n << 28n, svn = currentSvn, running, serviceTd = 0, reportData }: Domain,
): Buffer {
  const body = Buffer.alloc(running === undefined ? 584 : 648);
  body.set(svn, 0);
  body.writeBigUInt64LE(attributes, 120);
  body.fill(0x55, 136, 184);
  body.set(reportData ?? [], 520);
  if (running !== undefined) {
    body.set(running, 584);
    body.fill(serviceTd, 600, 648);
  }
  return version === 4 ? body : cat(u16(running === undefined ? 2 : 3), u32(body.length), body);
}

/** Makes the vectors. */
export function makeTdx(folder: Folder, vendor: Intel): void {
  const bound = { reportData: folder.nodeDigest };
  const v4 = (domain: Domain, options?: QuoteOptions) =>
    quote(vendor, { version: 4, tee: 0x81, body: tdBody(4, { ...bound, ...domain }) }, options);
  const v5 = (domain: Domain) =>
    quote(vendor, { version: 5, tee: 0x81, body: tdBody(5, { ...bound, ...domain }) });
  const td = quoteVectors(folder, vendor, 'TDX');
  const old = Uint8Array.of(2, 1, component);
  td('v4', 'UpToDate', 'Quote of version 4', v4({}));
  td('v4-padded', 'UpToDate', 'Zeros after the quote', cat(v4({}), Buffer.alloc(64)));
  td('v5-td10', 'UpToDate', 'Quote of version 5 with a TD report 1.0', v5({}));
  td('v5-td15', 'UpToDate', 'Quote of version 5 with a TD report 1.5', v5({ running: currentSvn }));
  td('service-td', 'UpToDate', 'A service domain is bound', v5({ running: currentSvn, serviceTd: 0x77 }));
  td(
    'first-module',
    'UpToDate',
    'A module of the first kind, which has no version of its own',
    v4({ svn: Uint8Array.of(moduleSvn, 0, component) }),
  );
  statuses(td, v4, v5, old);
  td(
    'debug',
    'refused: debug',
    'A domain that can be debugged',
    v4({ attributes: (1n << 28n) | 1n }),
    {},
    'debug',
  );
  td(
    'migratable',
    'refused: migratable',
    'A domain that can be migrated',
    v4({ attributes: (1n << 28n) | (1n << 29n) }),
  );
  td(
    'reserved',
    'refused: reserved attributes',
    'An attribute nobody knows',
    v4({ attributes: (1n << 28n) | 2n }),
  );
  td('other-module', 'refused: module', 'A module the collateral does not name', v4({}), {
    moduleId: 'TDX_03',
  });
  td(
    'revoked-platform',
    'refused: revoked',
    'The platform is on the list',
    v4({}),
    { crl: [vendor.pckSerial] },
    'revoked',
  );
  td('revoked-signer', 'refused: revoked', 'Who signs the collateral is on the list of the root', v4({}), {
    rootCrl: [vendor.signerSerial],
  });
  td('old-list', 'refused: list', 'A revocation list that was to be replaced by now', v4({}), {
    crlUntil: '2026-03-01T00:00:00Z',
  });
  td('old-collateral', 'refused: collateral', 'Collateral that was to be replaced by now', v4({}), {
    until: '2026-03-01T00:00:00Z',
  });
  td(
    'other-qe',
    'refused: QE identity',
    'A quoting enclave of another signer',
    v4({}, { qe: { signer: 0x98 } }),
  );
  const [leaf, authority, root] = vendor.chain;
  const foreign = pck(newEc('P-256'), vendor.authority, Buffer.from([8]));
  const stranger = { ...vendor.authority, key: newEc('P-256') };
  const misissued = pck(vendor.pckKey, stranger, vendor.pckSerial);
  td(
    'other-platform',
    'refused: signature',
    'The key of another platform',
    v4({}, { chain: [foreign, authority, root] }),
    {},
    'swapped certificates',
  );
  td(
    'wrong-issuer',
    'refused: chain',
    'Issued by somebody of the same name',
    v4({}, { chain: [misissued, authority, root] }),
    {},
    'wrong issuer',
  );
  td(
    'odd-order',
    'refused: chain',
    'The root before the authority',
    v4({}, { chain: [leaf, root, authority] }),
    {},
    'chain in odd order',
  );
  mutations(folder);
}

type Add = (name: string, expected: string, what: string, bytes: Bytes, levels?: Partial<Levels>) => void;

/** Every status there is, and how those of parts are folded into it. */
function statuses(
  td: Add,
  v4: (domain: Domain, options?: QuoteOptions) => Buffer,
  v5: (domain: Domain) => Buffer,
  old: Bytes,
): void {
  const only = (status: string): Partial<Levels> => ({ statuses: [status] });
  td('out-of-date', 'OutOfDate', 'A platform of the second level', v4({}), { reached: 1 });
  td('module-out-of-date', 'OutOfDate', 'A module of its second level', v4({ svn: old }));
  td('qe-out-of-date', 'OutOfDate', 'An old quoting enclave', v4({}), { qeStatus: 'OutOfDate' });
  td('qe-revoked', 'refused: Revoked', 'A quoting enclave that is revoked', v4({}), { qeStatus: 'Revoked' });
  const relaunched = v5({ svn: old, running: currentSvn });
  td('relaunch', 'TDRelaunchAdvised', 'Launched by an old module, running under a new one', relaunched);
  td(
    'relaunch-configuration',
    'TDRelaunchAdvisedConfigurationNeeded',
    'The same where a setting of the firmware is needed as well',
    relaunched,
    only('ConfigurationNeeded'),
  );
  for (const status of ['SWHardeningNeeded', 'ConfigurationNeeded', 'ConfigurationAndSWHardeningNeeded']) {
    td(`only-${status.toLowerCase()}`, status, 'A platform that needs something', v4({}), only(status));
  }
  td(
    'configuration-out-of-date',
    'OutOfDateConfigurationNeeded',
    'An old module on such a platform',
    v4({ svn: old }),
    only('ConfigurationNeeded'),
  );
  td('revoked-level', 'refused: Revoked', 'A level that is revoked', v4({}), only('Revoked'));
  td('unknown-level', 'refused: collateral', 'A status nobody knows', v4({}), only('Splendid'));
  td('no-level', 'refused: no level', 'A platform below every level', v4({}), {
    ...only('UpToDate'),
    reached: 1,
  });
}

function mutations(folder: Folder): void {
  const [file, other] = ['tdx/v4/quote.bin', 'tdx/v4/collateral.json'];
  const base = 'tdx/v4';
  for (const [what, offset, bad] of [
    ['MRTD', 184, 'one bit of what is signed'],
    ['RTMR0', 376, undefined],
    ['report data', 568, undefined],
  ] as const) {
    folder.mutation(base, `${what} bit`, { file, xor: [[offset, 1]] }, 'quote signature invalid', bad);
  }
  const quoted = (name: string, edit: object, expect: string, bad?: BadInput) =>
    folder.mutation(base, name, { file, ...edit }, expect, bad);
  quoted('key bit', { xor: [[700, 1]] }, 'attestation key not bound by the QE report');
  quoted('QE report bit', { xor: [[834, 1]] }, 'QE report signature invalid');
  quoted('cut short', { truncate: 2000 }, 'malformed', 'truncated');
  quoted('byte after', { append: '01' }, 'trailing data refused', 'oversized');
  quoted('key of another kind', { set: [[2, '0300']] }, 'unsupported algorithm', 'wrong algorithm');
  quoted('version 6', { set: [[0, '0600']] }, 'unsupported version');
  const swap = (key: string, find: string, replace: string) => ({
    file: other,
    jsonSwap: { key, find, replace },
  });
  folder.mutation(
    'tdx/out-of-date',
    'status edited',
    { ...swap('tcb_info', 'OutOfDate', 'UpToDate '), file: 'tdx/out-of-date/collateral.json' },
    'TCB info signature invalid',
  );
  folder.mutation(
    base,
    'identity edited',
    swap('qe_identity', '"isvsvn":5', '"isvsvn":1'),
    'QE identity signature invalid',
  );
  const foreign = { file: other, replaceWith: ['sgx/v3/collateral.json'] };
  folder.mutation(base, 'collateral of SGX', foreign, 'TCB info is for SGX', 'of another machine');
  folder.commonMutations(base);
  folder.mutation(
    base,
    'newer evaluation',
    { policy: { minTcbEvaluationDataNumber: 21 } },
    'too old an evaluation',
  );
  folder.mutation('tdx/out-of-date', 'only UpToDate', { policy: { statuses: ['UpToDate'] } }, 'out of date');
  folder.mutation(
    'tdx/service-td',
    'none allowed',
    { policy: { allowServiceTd: false } },
    'a service TD is bound',
  );
}
