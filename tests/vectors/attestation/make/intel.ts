// An Intel of our own: quotes, and the collateral that goes with them.
import { createHash, type KeyObject } from 'node:crypto';
import {
  type Authority,
  type Bytes,
  cat,
  certificate,
  extension,
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
import type { BadInput, Folder } from './folder.ts';

const arc = '1.2.840.113741.1.13.1';
const [fmspc, pceId] = ['aabbccddeeff', '0000'];
export const u16 = (value: number): Buffer => Buffer.from([value & 255, value >> 8]);
export const u32 = (value: number): Buffer => cat(u16(value & 0xffff), u16(value >>> 16));
export const component = 8;
export const moduleSvn = 6;

export interface Intel {
  readonly root: Authority;
  readonly authority: Authority;
  /** PCK certificate, its authority, the root: DER. */
  readonly chain: readonly [Buffer, Buffer, Buffer];
  readonly pckKey: KeyObject;
  readonly pckSerial: Buffer;
  readonly signer: Authority;
  readonly signerSerial: Buffer;
  readonly signerChain: string;
}

export function intel(): Intel {
  const authorityOf = (name: string): Authority => ({ name, key: newEc('P-256'), algorithm: 'ecdsa256' });
  const root = authorityOf('Intel SGX Root CA');
  const authority = authorityOf('Intel SGX PCK Platform CA');
  const signer = authorityOf('Intel SGX TCB Signing');
  const rootDer = certificate({ subject: root.name, key: root.key, issuer: root, ca: true });
  const authorityDer = certificate({ subject: authority.name, key: authority.key, issuer: root, ca: true });
  const signerSerial = Buffer.from([5, 5, 5]);
  const signerDer = certificate({
    subject: signer.name,
    key: signer.key,
    issuer: root,
    serial: signerSerial,
  });
  const pckKey = newEc('P-256');
  const pckSerial = Buffer.from([7, 7, 7]);
  return {
    root,
    authority,
    pckKey,
    pckSerial,
    signer,
    signerSerial,
    chain: [pck(pckKey, authority, pckSerial), authorityDer, rootDer],
    signerChain: pem(signerDer, rootDer).toString(),
  };
}

/** The certificate of a platform's key, with Intel's extension. */
export function pck(key: KeyObject, issuer: Authority, serial: Bytes): Buffer {
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
  const extensions = [extension(arc, sgx)];
  return certificate({ subject: 'Intel SGX PCK Certificate', key, issuer, serial, extensions });
}

export interface EnclaveOptions {
  readonly reportData: Bytes;
  readonly signer: number;
  /** First byte of ATTRIBUTES: initialised and 64 bit when left out. */
  readonly attributes?: number;
  readonly svn?: number;
}

export function enclaveReport(options: EnclaveOptions): Buffer {
  const report = Buffer.alloc(384);
  report[48] = options.attributes ?? 5;
  report.fill(0x44, 64, 96);
  report.fill(options.signer, 128, 160);
  report.writeUInt16LE(1, 256);
  report.writeUInt16LE(options.svn ?? 5, 258);
  report.set(options.reportData, 320);
  return report;
}

export const qeSigner = 0x99;

/** What may be odd about a quote. */
export interface QuoteOptions {
  readonly chain?: readonly Bytes[];
  /** Version of the quoting enclave, and who signed it. */
  readonly qe?: { readonly svn?: number; readonly signer?: number };
}

/** Signs header and body as a quoting enclave does, whose report the platform's key signs. */
export function quote(
  vendor: Intel,
  { version, tee, body }: { readonly version: number; readonly tee: number; readonly body: Bytes },
  { chain = vendor.chain, qe = {} }: QuoteOptions = {},
): Buffer {
  const attestation = newEc('P-256');
  const point = pointOf(attestation);
  const authData = Buffer.alloc(32, 0xa0);
  const bound = createHash('sha256').update(point).update(authData).digest();
  const qeReport = enclaveReport({ reportData: cat(bound, Buffer.alloc(32)), signer: qeSigner, ...qe });
  const certificates = pem(...chain);
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
    u32(certificates.length),
    certificates,
  );
  const wrapped = version === 3 ? certification : cat(u16(6), u32(certification.length), certification);
  const data = cat(p1363(attestation, 'sha256', signed), point, wrapped);
  return cat(signed, u32(data.length), data);
}

export interface Levels {
  /** Statuses of the levels, newest first; the platform reaches the one at `reached`. */
  readonly statuses: readonly string[];
  readonly reached: number;
  /** Serial numbers on the list of the PCK authority, and of the root. */
  readonly crl?: readonly Bytes[];
  readonly rootCrl?: readonly Bytes[];
  readonly crlUntil?: string;
  /** Until when the statements are good. */
  readonly until?: string;
  readonly qeStatus?: string;
  readonly moduleId?: string;
}

/** The newest level, which is what most evidence reaches. */
export const current: Levels = { statuses: ['UpToDate', 'OutOfDate'], reached: 0 };

export function collateral(vendor: Intel, id: 'TDX' | 'SGX', levels: Levels): Buffer {
  const { statuses, reached, qeStatus = 'UpToDate', moduleId = 'TDX_01' } = levels;
  const dates = { issueDate: validFrom, nextUpdate: levels.until ?? validTo };
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
              id: moduleId,
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
    tcbLevels: svnLevels([[5, qeStatus]]),
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
      root_ca_crl: revocationList(vendor.root, levels.rootCrl ?? [], levels.crlUntil).toString('hex'),
      pck_crl: revocationList(vendor.authority, levels.crl ?? []).toString('hex'),
    }),
  );
}

/** Makes vectors of one kind of quote, each with its collateral and the key it is to vouch for. */
export function quoteVectors(folder: Folder, vendor: Intel, id: 'TDX' | 'SGX') {
  return (
    name: string,
    expected: string,
    what: string,
    bytes: Bytes,
    levels: Partial<Levels> = {},
    bad?: BadInput,
  ): void => {
    const files = {
      'quote.bin': bytes,
      'collateral.json': collateral(vendor, id, { ...current, ...levels }),
      'node.pub.der': folder.nodeKey,
    };
    folder.vector(`${id.toLowerCase()}/${name}`, expected, files, what, bad);
  };
}
