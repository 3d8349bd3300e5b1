import { Checklist } from '../checklist.ts';
import { insist } from '../errors.ts';
import type { Endorsements, Evidence } from '../evidence.ts';
import { assembleQuote } from './assemble-intel.ts';
import { snpEndorsements } from './assemble-snp.ts';
import { assembleAzureVm, assembleTpm } from './assemble-tpm.ts';
import { plainView, type ReadFile } from './files.ts';
import { type Assembled, contentOf, type Folder, revocationListsIn } from './folder.ts';
import { rolesOf, type Subject, subjectsOf } from './subjects.ts';

/** Puts a subject together from its folder. What cannot be read is refused as the check that would read it. */
export function assemble(subject: Subject, folder: Folder, now: number, checks: Checklist): Assembled {
  const { vector, file, kind } = subject;
  switch (kind) {
    case 'snp':
      return {
        evidence: { platform: 'snp', report: contentOf(folder, file) },
        endorsements: snpEndorsements(vector, folder, checks),
      };
    case 'quote':
      return assembleQuote(vector, file, folder, now, checks);
    case 'azure-vm':
      return assembleAzureVm(subject, folder, now, checks);
    case 'tpm':
      return assembleTpm(subject, folder, checks);
    case 'nitro':
      return {
        evidence: { platform: 'nitro', document: contentOf(folder, file) },
        endorsements: { crls: revocationListsIn(vector, folder) },
      };
    default:
      return { evidence: { platform: 'virtual', json: contentOf(folder, file) }, endorsements: {} };
  }
}

/**
 * Recognises evidence among loose files, and what vouches for it: what each is, is told by its content. Throws
 * `AttestationError`.
 */
export function readEvidence(
  names: readonly string[],
  read: ReadFile,
  now: number,
): { readonly evidence: Evidence; readonly endorsements: Endorsements } {
  const checks = new Checklist();
  const vector = { id: names[0] ?? '', evaluateAt: '', expected: '', files: names };
  const roles = rolesOf([vector], read);
  const subject = checks.run('evidence-shape', () => {
    const [found] = subjectsOf(vector, roles);
    const material = found === undefined || ['uvm', 'collateral', 'roots'].includes(found.kind);
    insist(
      found !== undefined && !material,
      `there is no evidence that is understood in ${names.join(', ')}`,
    );
    return found;
  });
  const folder = { view: plainView(read), original: read, roles, material: [] };
  const { evidence, endorsements } = assemble(subject, folder, now, checks);
  return { evidence, endorsements };
}
