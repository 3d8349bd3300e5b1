import { parseCrl } from '@coco/crypto';
import { parsePemCertificates } from '../certificate-path.ts';
import type { Checklist } from '../checklist.ts';
import type { Collateral, Endorsements } from '../evidence.ts';
import {
  collateralFromJson,
  collateralFromOpenEnclave,
  pathFrom,
  pemChain,
  signedStatement,
} from '../intel/collateral-forms.ts';
import { readPckIdentity } from '../intel/pck.ts';
import { parseQuote, teeType } from '../intel/quote.ts';
import { parseJsonObject, textAt, timeAt } from '../json.ts';
import {
  type Assembled,
  certificatesIn,
  contentOf,
  type Folder,
  optional,
  revocationListsIn,
} from './folder.ts';
import { certificatesOf } from './roles.ts';
import { filesIn, type ManifestVector } from './subjects.ts';

const signatureOffset = 432;

/** A quote with its collateral. */
export function assembleQuote(
  vector: ManifestVector,
  file: string,
  folder: Folder,
  now: number,
  checks: Checklist,
): Assembled {
  const bytes = contentOf(folder, file);
  const collateral = collateralFor(vector, file, folder, now, checks);
  const endorsements = {
    ...(collateral === undefined ? {} : { collateral }),
    ...pckCertificates(vector, folder, checks),
  };
  const original = folder.original(file) ?? bytes;
  if (teeOf(original) === teeType.tdx) return { evidence: { platform: 'tdx', quote: bytes }, endorsements };
  if (filesIn(vector, folder.roles, 'oe-endorsements').length === 0) {
    return { evidence: { platform: 'sgx', quote: bytes }, endorsements };
  }
  // Open Enclave puts its claims right after the quote.
  const view = new DataView(original.buffer, original.byteOffset, original.length);
  const end = signatureOffset + 4 + view.getUint32(signatureOffset, true);
  const [quote, claims] = [bytes.subarray(0, end), bytes.subarray(end)];
  return { evidence: { platform: 'sgx', quote, claims }, endorsements };
}

/** The chain of the platform's key, where it is a file of its own. */
function pckCertificates(vector: ManifestVector, folder: Folder, checks: Checklist): Endorsements {
  const all = checks.run('certificate-shape', () => certificatesIn(vector, folder));
  const pck = all.find(({ subject }) => /CN=Intel SGX PCK Certificate/.test(subject));
  return pck === undefined ? {} : { certificates: pathFrom(pck, all).map(({ der }) => der) };
}

function teeOf(quote: Uint8Array): number {
  return new DataView(quote.buffer, quote.byteOffset, quote.length).getUint32(4, true);
}

/**
 * The collateral for a quote: the vector's own, or the folder's for the same platform. Among several the one
 * that is valid at the time; when none is, the vector's own.
 */
export function collateralFor(
  vector: ManifestVector,
  quoteFile: string,
  folder: Folder,
  now: number,
  checks: Checklist,
): Collateral | undefined {
  const parse = (form: (bytes: Uint8Array) => Collateral, path: string) =>
    checks.run('collateral-shape', () => form(contentOf(folder, path)));
  const { roles } = folder;
  const loose = checks.run('collateral-shape', () => looseCollateral(vector, folder));
  const own = [
    ...filesIn(vector, roles, 'collateral').map((path) => parse(collateralFromJson, path)),
    ...filesIn(vector, roles, 'oe-endorsements').map((path) => parse(collateralFromOpenEnclave, path)),
    ...(loose === undefined ? [] : [loose]),
  ];
  const shared = folder.material
    .flatMap((other) => filesIn(other, roles, 'collateral'))
    .filter((path) => isFor(path, quoteFile, folder));
  const fitting = shared.filter((path) => isOfTime(collateralFromJson(folder.original(path)!), now));
  const pick = fitting[0] ?? (own.length === 0 ? shared[0] : undefined);
  return (
    own.find((one) => isOfTime(one, now)) ?? (pick === undefined ? own[0] : parse(collateralFromJson, pick))
  );
}

/** Whether a file of collateral is for the platform of a quote, both unedited. */
function isFor(collateralFile: string, quoteFile: string, { original }: Folder): boolean {
  const [collateral, quote] = [original(collateralFile), original(quoteFile)];
  if (collateral === undefined || quote === undefined) return false;
  return platformOf(quote, quotePlatform) === platformOf(collateral, collateralPlatform);
}

const platforms = new WeakMap<Uint8Array, string>();

/** Environment and FMSPC, told once for each file; what cannot be read is like nothing else. */
function platformOf(bytes: Uint8Array, tell: (bytes: Uint8Array) => string): string {
  let platform = platforms.get(bytes);
  if (platform === undefined) {
    try {
      platform = tell(bytes);
    } catch {
      platform = `unknown ${tell.name}`;
    }
    platforms.set(bytes, platform);
  }
  return platform;
}

function quotePlatform(quote: Uint8Array): string {
  // Zeros or not, what follows a quote says nothing about its platform.
  const [pck] = parsePemCertificates(parseQuote(withoutTail(quote)).certificates ?? '');
  return `${teeOf(quote) === teeType.tdx ? 'TDX' : 'SGX'} ${readPckIdentity(pck!).fmspc}`;
}

function collateralPlatform(bytes: Uint8Array): string {
  const tcb = parseJsonObject(collateralFromJson(bytes).tcbInfo, 'TCB info');
  return `${textAt(tcb, 'id', '')} ${textAt(tcb, 'fmspc', '').toLowerCase()}`;
}

/** The quote without what follows it. */
export function withoutTail(quote: Uint8Array): Uint8Array {
  const view = new DataView(quote.buffer, quote.byteOffset, quote.length);
  const version = view.getUint16(0, true);
  const at = version === 3 ? signatureOffset : version === 4 ? 632 : 54 + view.getUint32(50, true);
  return quote.subarray(0, at + 4 + view.getUint32(at, true));
}

function isOfTime({ tcbInfo, qeIdentity }: Collateral, now: number): boolean {
  try {
    return [tcbInfo, qeIdentity].every((text) => {
      const statement = parseJsonObject(text, '');
      return now >= timeAt(statement, 'issueDate', '') && now <= timeAt(statement, 'nextUpdate', '');
    });
  } catch {
    return false;
  }
}

/** Collateral as separate files: statements as Intel's service gives them, chains, lists. */
function looseCollateral(vector: ManifestVector, folder: Folder): Collateral | undefined {
  const [tcbFile, qeFile] = [optional(vector, folder, 'tcb-info'), optional(vector, folder, 'qe-identity')];
  if (tcbFile === undefined || qeFile === undefined) return undefined;
  const [tcb, qe] = [signedStatement(tcbFile, 'tcbInfo'), signedStatement(qeFile, 'enclaveIdentity')];
  const chains = filesIn(vector, folder.roles, 'certificates').map((path) =>
    certificatesOf(folder.view(path)),
  );
  const chainOf = (name: string) => {
    const chain = chains.find((one) => one.length > 1 && one.some(({ subject }) => subject.includes(name)));
    return pemChain(chain ?? certificatesIn(vector, folder));
  };
  const lists = revocationListsIn(vector, folder).map(parseCrl);
  const listOf = (name: string) =>
    lists.find(({ issuer }) => issuer.includes(name))?.der ?? new Uint8Array(0);
  return {
    tcbInfo: tcb.text,
    tcbInfoSignature: tcb.signature,
    tcbInfoIssuerChain: chainOf('Intel SGX TCB Signing'),
    qeIdentity: qe.text,
    qeIdentitySignature: qe.signature,
    qeIdentityIssuerChain: chainOf('Intel SGX TCB Signing'),
    rootCaCrl: listOf('Intel SGX Root CA'),
    pckCrl: listOf('Intel SGX PCK'),
  };
}
