import { type Certificate, fromBase64 } from '@coco/crypto';
import type { Checklist } from '../checklist.ts';
import type { Endorsements } from '../evidence.ts';
import { pathFrom } from '../intel/collateral-forms.ts';
import { parseJsonObject, textAt } from '../json.ts';
import { certificatesIn, type Folder, optional, pooledCertificates, revocationListsIn } from './folder.ts';
import { certificatesOf } from './roles.ts';
import { filesIn, type ManifestVector } from './subjects.ts';

/** What vouches for a report of SEV-SNP. */
export function snpEndorsements(vector: ManifestVector, folder: Folder, checks: Checklist): Endorsements {
  const uvm = optional(vector, folder, 'uvm');
  const policy = optional(vector, folder, 'security-policy');
  const chain = checks.run('certificate-shape', () => snpChain(vector, folder));
  return {
    certificates: chain.map(({ der }) => der),
    crls: revocationListsIn(vector, folder),
    ...(uvm === undefined ? {} : { uvm }),
    ...(policy === undefined ? {} : { securityPolicy: checks.run('security-policy', () => decoded(policy)) }),
  };
}

function decoded(base64: Uint8Array): Uint8Array {
  return fromBase64(new TextDecoder().decode(base64).trim());
}

/** A file with a whole chain is taken as it is; pieces are put in order, from the leaf up. */
function snpChain(vector: ManifestVector, folder: Folder): readonly Certificate[] {
  const thim = optional(vector, folder, 'thim');
  if (thim !== undefined) {
    const json = parseJsonObject(new TextDecoder().decode(thim), 'THIM answer');
    const pems = ['vcekCert', 'certificateChain'].map((key) => textAt(json, key, 'THIM answer'));
    return certificatesOf([new TextEncoder().encode(pems.join('\n'))]);
  }
  const pieces = filesIn(vector, folder.roles, 'certificates').flatMap(folder.view);
  const all = certificatesIn(vector, folder);
  if (pieces.length === 1 && all.length > 1) return all;
  const leaf = all.find(({ subject }) => /CN=SEV-V[CL]EK$/.test(subject)) ?? all[0];
  return leaf === undefined ? [] : pathFrom(leaf, [...all, ...pooledCertificates(folder)]);
}
