import {
  type Certificate,
  concatBytes,
  decodePem,
  importPublicKey,
  type PublicKey,
  publicKeyOf,
} from '@coco/crypto';
import type { Checklist } from '../checklist.ts';
import { insist, refuse } from '../errors.ts';
import type { PcrValue, TpmQuote } from '../evidence.ts';
import { pathFrom } from '../intel/collateral-forms.ts';
import { signatureScheme, tpmSha1 } from '../tpm/algorithms.ts';
import { parseAttest } from '../tpm/attest.ts';
import { parsePublicArea } from '../tpm/public-area.ts';
import { assembleQuote } from './assemble-intel.ts';
import { snpEndorsements } from './assemble-snp.ts';
import {
  type Assembled,
  certificatesIn,
  contentOf,
  type Folder,
  optional,
  readOrNothing,
  revocationListsIn,
} from './folder.ts';
import { filesIn, type ManifestVector, type Subject } from './subjects.ts';

/** Digest lengths of banks, SHA-1 as well: a folder may hold what is to be refused. */
const bankBytes: Readonly<Record<number, number>> = { [tpmSha1]: 20, 11: 32, 12: 48, 13: 64 };
const pcrCount = 24;

/** A TPM's quote with its key and, where there is one, the boot log. */
export function assembleTpm({ vector, file, part }: Subject, folder: Folder, checks: Checklist): Assembled {
  const quote = assembleTpmQuote(vector, file, folder, checks);
  const enclaveReport = optional(vector, folder, 'enclave-report');
  const found = attestationKey(vector, part, folder);
  const certificates = certificatesIn(vector, folder);
  const chain = keyChain(vector, folder, found.key?.id);
  const anchors = certificates.filter(({ isCa }) => isCa).map(({ publicKey }) => publicKey.id);
  return {
    evidence: {
      platform: 'tpm',
      quote,
      attestationKey: found.bytes,
      ...(enclaveReport === undefined ? {} : { enclaveReport }),
    },
    endorsements: {
      crls: revocationListsIn(vector, folder),
      ...(chain.length < 2 ? {} : { certificates: chain.map(({ der }) => der) }),
    },
    tpmRoots: anchors,
    // A key that nobody certifies is trusted because the folder names it, as a consortium may.
    attestationKeys: chain.length < 2 && found.key !== undefined ? [found.key.id] : [],
  };
}

/** A file with a whole chain is taken as it is; pieces are put in order, from the key's certificate up. */
function keyChain(vector: ManifestVector, folder: Folder, key: string | undefined): readonly Certificate[] {
  const pieces = filesIn(vector, folder.roles, 'certificates').flatMap(folder.view);
  const all = certificatesIn(vector, folder);
  const own = all.find(({ publicKey }) => publicKey.id === key);
  if (pieces.length === 1 && all.length > 1) return all;
  return own === undefined ? [] : pathFrom(own, all);
}

/** An Azure VM: hardware report, virtual TPM. */
export function assembleAzureVm(subject: Subject, folder: Folder, now: number, checks: Checklist): Assembled {
  const { vector, file } = subject;
  const attest =
    filesIn(vector, folder.roles, 'tpm-attest')[0] ?? refuse(`${vector.id} has no quote of its TPM`);
  const quote = assembleTpmQuote(vector, attest, folder, checks);
  const hclReport = contentOf(folder, file);
  const [tdFile] = filesIn(vector, folder.roles, 'quote');
  if (tdFile === undefined) {
    const endorsements = snpEndorsements(vector, folder, checks);
    return { evidence: { platform: 'azure-vm', hclReport, quote }, endorsements };
  }
  const { endorsements } = assembleQuote(vector, tdFile, folder, now, checks);
  const keyChain = keyCertificates(certificatesIn(vector, folder));
  return {
    evidence: { platform: 'azure-vm', hclReport, tdQuote: contentOf(folder, tdFile), quote },
    endorsements: {
      ...endorsements,
      ...(keyChain.length === 0 ? {} : { attestationKeyCertificates: keyChain.map(({ der }) => der) }),
    },
  };
}

function keyCertificates(certificates: readonly Certificate[]): readonly Certificate[] {
  const leaf = certificates.find(({ isCa }) => !isCa);
  return leaf === undefined ? [] : pathFrom(leaf, certificates);
}

function assembleTpmQuote(vector: ManifestVector, file: string, folder: Folder, checks: Checklist): TpmQuote {
  const attest = contentOf(folder, file);
  const sibling = (ending: string) => contentOf(folder, file.replace(/\.msg$/, ending));
  const log = optional(vector, folder, 'boot-log');
  const values = checks.run('pcr-digest', () => pcrValues(sibling('.pcrs'), folder.original(file) ?? attest));
  return {
    attest,
    signature: tpmSignature(sibling('.sig')),
    pcrs: values,
    ...(log === undefined ? {} : { eventLog: log }),
  };
}

/** A bare RSA signature, as some tools write it, is one by RSASSA with SHA-256. */
function tpmSignature(bytes: Uint8Array): Uint8Array {
  const bare = bytes.length === 256 || bytes.length === 384;
  const { length } = bytes;
  const header = Uint8Array.of(0, signatureScheme.rsaPkcs1, 0, 11, length >> 8, length & 0xff);
  return bare ? concatBytes(header, bytes) : bytes;
}

/** Values one after the other: of all 24 registers, or of the quoted ones. */
function pcrValues(bytes: Uint8Array, attest: Uint8Array): readonly PcrValue[] {
  const [selection] = parseAttest(attest).selections;
  const size = bankBytes[selection?.bank ?? 0];
  insist(selection !== undefined && size !== undefined, 'the quote selects from an unknown bank');
  const all = bytes.length === pcrCount * size;
  const indices = all ? Array.from({ length: pcrCount }, (_, index) => index) : selection.indices;
  return indices.map((index, at) => ({
    bank: selection.bank,
    index,
    value: bytes.subarray(at * size, (at + 1) * size),
  }));
}

interface FoundKey {
  readonly bytes: Uint8Array;
  readonly key: PublicKey | undefined;
}

/** The attestation key: a public area, else a bare key; of several the one that bears the part's name. */
function attestationKey(vector: ManifestVector, part: string, folder: Folder): FoundKey {
  const areas = filesIn(vector, folder.roles, 'tpm-public');
  const bare = filesIn(vector, folder.roles, 'public-key').filter((path) => /(^|\/)ak[^/]*$/.test(path));
  const all = areas.length > 0 ? areas : bare;
  const path =
    all.find((one) => part !== '' && one.includes(part)) ?? all[0] ?? refuse(`${vector.id} has no key`);
  const bytes = contentOf(folder, path);
  if (areas.length > 0) return { bytes, key: readOrNothing(() => parsePublicArea(bytes).key) };
  const pem = new TextDecoder('latin1').decode(bytes);
  const key = readOrNothing(() => (bytes[0] === 0x30 ? importPublicKey(bytes) : publicKeyOf(pem)));
  return { bytes: bytes[0] === 0x30 ? bytes : (decodePem(pem)[0]?.der ?? bytes), key };
}
