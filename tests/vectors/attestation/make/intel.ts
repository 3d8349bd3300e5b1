// TDX and SGX with an Intel of our own.
import { createHash, type KeyObject } from 'node:crypto';
import {
  type Authority,
  type Bytes,
  cat,
  certificate,
  extension,
  idOf,
  integer,
  newEc,
  octets,
  oid,
  p1363,
  pem,
  pointOf,
  revocationList,
  sequence,
  validFrom,
  validTo,
} from './certificates.ts';
import type { Folder } from './folder.ts';

const arc = '1.2.840.113741.1.13.1';
const [fmspc, pceId] = ['aabbccddeeff', '0000'];
const u16 = (value: number): Buffer => Buffer.from([value & 255, value >> 8]);
const u32 = (value: number): Buffer => cat(u16(value & 0xffff), u16(value >>> 16));
const component = 8;
const moduleSvn = 6;

interface Intel {
  readonly root: Authority;
  readonly authority: Authority;
  readonly chain: Buffer;
  readonly pckKey: KeyObject;
  readonly pckSerial: Buffer;
  readonly signer: Authority;
  readonly signerChain: string;
}

function intel(): Intel {
  const authorityOf = (name: string): Authority => ({ name, key: newEc('P-256'), algorithm: 'ecdsa256' });
  const root = authorityOf('Intel SGX Root CA');
  const authority = authorityOf('Intel SGX PCK Platform CA');
  const signer = authorityOf('Intel SGX TCB Signing');
  const rootDer = certificate({ subject: root.name, key: root.key, issuer: root, ca: true });
  const authorityDer = certificate({ subject: authority.name, key: authority.key, issuer: root, ca: true });
  const signerDer = certificate({ subject: signer.name, key: signer.key, issuer: root });
  const pckKey = newEc('P-256');
  const pckSerial = Buffer.from([7, 7, 7]);
  const field = (part: string, value: Bytes) => sequence(oid(`${arc}.${part}`), value);
  const tcb = sequence(
    ...Array.from({ length: 16 }, (_, index) => field(`2.${index + 1}`, integer(component))),
    field('2.17', integer(11)),
  );
  const sgx = sequence(
    field('1', octets(Buffer.alloc(16, 0xab))),
    field('2', tcb),
    field('3', octets(Buffer.from(pceId, 'hex'))),
    field('4', octets(Buffer.from(fmspc, 'hex'))),
  );
  const pckDer = certificate({
    subject: 'Intel SGX PCK Certificate',
    key: pckKey,
    issuer: authority,
    serial: pckSerial,
    extensions: [extension(arc, sgx)],
  });
  return {
    root,
    authority,
    pckKey,
    pckSerial,
    signer,
    chain: pem(pckDer, authorityDer, rootDer),
    signerChain: pem(signerDer, rootDer).toString(),
  };
}

function enclaveReport(options: {
  readonly reportData: Bytes;
  readonly debug?: boolean;
  readonly signer: number;
}): Buffer {
  const report = Buffer.alloc(384);
  report[48] = options.debug === true ? 7 : 5;
  report.fill(0x44, 64, 96);
  report.fill(options.signer, 128, 160);
  report.writeUInt16LE(1, 256);
  report.writeUInt16LE(5, 258);
  report.set(options.reportData, 320);
  return report;
}

const qeSigner = 0x99;

/** Signs header and body as a quoting enclave does, whose report the platform's key signs. */
function quote(vendor: Intel, version: number, tee: number, body: Bytes): Buffer {
  const attestation = newEc('P-256');
  const point = pointOf(attestation);
  const authData = Buffer.alloc(32, 0xa0);
  const bound = createHash('sha256').update(point).update(authData).digest();
  const qeReport = enclaveReport({ reportData: cat(bound, Buffer.alloc(32)), signer: qeSigner });
  const header = cat(
    u16(version),
    u16(2),
    u32(tee),
    Buffer.alloc(4),
    Buffer.from('939a7233f79c4ca9940a0db3957f0607', 'hex'),
    Buffer.alloc(20),
  );
  const signed = cat(header, body);
  const certification = cat(
    qeReport,
    p1363(vendor.pckKey, 'sha256', qeReport),
    u16(authData.length),
    authData,
    u16(5),
    u32(vendor.chain.length),
    vendor.chain,
  );
  const wrapped = version === 3 ? certification : cat(u16(6), u32(certification.length), certification);
  const data = cat(p1363(attestation, 'sha256', signed), point, wrapped);
  return cat(signed, u32(data.length), data);
}

interface Domain {
  readonly attributes?: bigint;
  readonly svn?: Bytes;
  readonly running?: Bytes;
  readonly serviceTd?: number;
}

const currentSvn = Uint8Array.of(moduleSvn, 1, component);

function tdBody(
  version: 4 | 5,
  { attributes = 1n << 28n, svn = currentSvn, running, serviceTd = 0 }: Domain,
): Buffer {
  const body = Buffer.alloc(running === undefined ? 584 : 648);
  body.set(svn, 0);
  body.writeBigUInt64LE(attributes, 120);
  body.fill(0x55, 136, 184);
  body.fill(0x66, 520, 584);
  if (running !== undefined) {
    body.set(running, 584);
    body.fill(serviceTd, 600, 648);
  }
  return version === 4 ? body : cat(u16(running === undefined ? 2 : 3), u32(body.length), body);
}

interface Levels {
  /** Statuses of the levels, newest first; the platform reaches the one at `reached`. */
  readonly statuses: readonly string[];
  readonly reached: number;
  readonly crl?: readonly Bytes[];
}

function collateral(vendor: Intel, id: 'TDX' | 'SGX', { statuses, reached, crl = [] }: Levels): Buffer {
  const dates = { issueDate: validFrom, nextUpdate: validTo };
  const components = (svn: number) => Array.from({ length: 16 }, () => ({ svn }));
  const tcbLevels = statuses.map((tcbStatus, index) => ({
    tcb: {
      sgxtcbcomponents: components(component + Math.sign(reached - index)),
      pcesvn: 11,
      ...(id === 'TDX' ? { tdxtcbcomponents: components(0) } : {}),
    },
    tcbDate: `202${6 - index}-01-01T00:00:00Z`,
    tcbStatus,
    ...(tcbStatus === 'UpToDate' ? {} : { advisoryIDs: ['INTEL-SA-00001'] }),
  }));
  const module = { mrsigner: '00'.repeat(48), attributes: '00'.repeat(8), attributesMask: 'ff'.repeat(8) };
  const svnLevels = (svns: readonly [number, string][]) =>
    svns.map(([isvsvn, tcbStatus]) => ({ tcb: { isvsvn }, tcbDate: '2026-01-01T00:00:00Z', tcbStatus }));
  const tcbInfo = JSON.stringify({
    id,
    version: 3,
    ...dates,
    fmspc: fmspc.toUpperCase(),
    pceId,
    tcbType: 0,
    tcbEvaluationDataNumber: 20,
    ...(id === 'TDX'
      ? {
          tdxModule: module,
          tdxModuleIdentities: [
            {
              id: 'TDX_01',
              ...module,
              tcbLevels: svnLevels([
                [moduleSvn, 'UpToDate'],
                [2, 'OutOfDate'],
              ]),
            },
          ],
        }
      : {}),
    tcbLevels,
  });
  const qeIdentity = JSON.stringify({
    id: id === 'TDX' ? 'TD_QE' : 'QE',
    version: 2,
    ...dates,
    tcbEvaluationDataNumber: 20,
    miscselect: '00000000',
    miscselectMask: 'ffffffff',
    attributes: `05${'00'.repeat(15)}`,
    attributesMask: `ff${'00'.repeat(15)}`,
    mrsigner: Buffer.alloc(32, qeSigner).toString('hex'),
    isvprodid: 1,
    tcbLevels: svnLevels([[5, 'UpToDate']]),
  });
  const signature = (text: string) => p1363(vendor.signer.key, 'sha256', Buffer.from(text)).toString('hex');
  return Buffer.from(
    JSON.stringify({
      tcb_info: tcbInfo,
      tcb_info_signature: signature(tcbInfo),
      tcb_info_issuer_chain: vendor.signerChain,
      qe_identity: qeIdentity,
      qe_identity_signature: signature(qeIdentity),
      qe_identity_issuer_chain: vendor.signerChain,
      root_ca_crl: revocationList(vendor.root, []).toString('hex'),
      pck_crl: revocationList(vendor.authority, crl).toString('hex'),
    }),
  );
}

const current: Levels = { statuses: ['UpToDate', 'OutOfDate'], reached: 0 };

/** Makes the vectors; answers with the roots to pin. */
export function makeIntel(folder: Folder): readonly string[] {
  const vendor = intel();
  const td = (name: string, expected: string, what: string, bytes: Bytes, levels: Levels = current) =>
    folder.vector(
      `tdx/${name}`,
      expected,
      { 'quote.bin': bytes, 'collateral.json': collateral(vendor, 'TDX', levels) },
      what,
    );
  const v4 = (domain: Domain) => quote(vendor, 4, 0x81, tdBody(4, domain));
  const v5 = (domain: Domain) => quote(vendor, 5, 0x81, tdBody(5, domain));
  const old = Uint8Array.of(2, 1, component);
  td('v4', 'UpToDate', 'Quote of version 4', v4({}));
  td('v4-padded', 'UpToDate', 'Zeros after the quote', cat(v4({}), Buffer.alloc(64)));
  td('v5-td10', 'UpToDate', 'Quote of version 5 with a TD report 1.0', v5({}));
  td('v5-td15', 'UpToDate', 'Quote of version 5 with a TD report 1.5', v5({ running: currentSvn }));
  td('out-of-date', 'OutOfDate', 'A platform of the second level', v4({}), { ...current, reached: 1 });
  td('module-out-of-date', 'OutOfDate', 'A module of its second level', v4({ svn: old }));
  td(
    'relaunch',
    'TDRelaunchAdvised',
    'Launched by an old module, running under a new one',
    v5({ svn: old, running: currentSvn }),
  );
  td('configuration', 'ConfigurationNeeded', 'A setting of the firmware', v4({}), {
    statuses: ['ConfigurationNeeded'],
    reached: 0,
  });
  td(
    'configuration-out-of-date',
    'OutOfDateConfigurationNeeded',
    'An old module on such a platform',
    v4({ svn: old }),
    {
      statuses: ['ConfigurationNeeded'],
      reached: 0,
    },
  );
  td('revoked-level', 'refused: Revoked', 'A level that is revoked', v4({}), {
    statuses: ['Revoked'],
    reached: 0,
  });
  td('no-level', 'refused: no level', 'A platform below every level', v4({}), {
    statuses: ['UpToDate'],
    reached: 1,
  });
  td('revoked-platform', 'refused: revoked', 'The platform is on the list', v4({}), {
    ...current,
    crl: [vendor.pckSerial],
  });
  td('debug', 'refused: debug', 'A domain that can be debugged', v4({ attributes: (1n << 28n) | 1n }));
  td(
    'migratable',
    'refused: migratable',
    'A domain that can be migrated',
    v4({ attributes: (1n << 28n) | (1n << 29n) }),
  );
  td('service-td', 'UpToDate', 'A service domain is bound', v5({ running: currentSvn, serviceTd: 0x77 }));
  makeSgx(folder, vendor);
  mutations(folder);
  return [idOf(vendor.root.key)];
}

function makeSgx(folder: Folder, vendor: Intel): void {
  const enclave = (debug: boolean) =>
    quote(vendor, 3, 0, enclaveReport({ reportData: Buffer.alloc(64, 0x12), debug, signer: 0x31 }));
  const sgx = (name: string, expected: string, what: string, debug: boolean, levels: Levels) =>
    folder.vector(
      `sgx/${name}`,
      expected,
      { 'quote.bin': enclave(debug), 'collateral.json': collateral(vendor, 'SGX', levels) },
      what,
    );
  sgx('v3', 'SWHardeningNeeded', 'Quote of version 3', false, {
    statuses: ['SWHardeningNeeded'],
    reached: 0,
  });
  sgx('debug', 'refused: debug', 'An enclave that can be debugged', true, current);
}

function mutations(folder: Folder): void {
  const [file, other] = ['tdx/v4/quote.bin', 'tdx/v4/collateral.json'];
  for (const [what, offset] of [
    ['MRTD', 184],
    ['RTMR0', 376],
    ['report data', 568],
  ] as const) {
    folder.mutation('tdx/v4', `${what} bit`, { file, xor: [[offset, 1]] }, 'quote signature invalid');
  }
  folder.mutation(
    'tdx/v4',
    'key bit',
    { file, xor: [[700, 1]] },
    'attestation key not bound by the QE report',
  );
  folder.mutation('tdx/v4', 'QE report bit', { file, xor: [[834, 1]] }, 'QE report signature invalid');
  folder.mutation('tdx/v4', 'cut short', { file, truncate: 2000 }, 'malformed');
  folder.mutation('tdx/v4', 'byte after', { file, append: '01' }, 'trailing data refused');
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
    'tdx/v4',
    'identity edited',
    swap('qe_identity', '"isvsvn":5', '"isvsvn":1'),
    'QE identity signature invalid',
  );
  folder.mutation(
    'tdx/v4',
    'collateral of SGX',
    { file: other, replaceWith: ['sgx/v3/collateral.json'] },
    'TCB info is for SGX',
  );
  folder.mutation('tdx/v4', 'after its time', { at: '2046-06-01T00:00:00Z' }, 'leaf expired');
  folder.mutation(
    'tdx/v4',
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
