import type { ReadFile } from './files.ts';
import { type Role, roleOf } from './roles.ts';

/** One entry of a manifest. */
export interface ManifestVector {
  readonly id: string;
  readonly evaluateAt: string;
  readonly expected: string;
  readonly files: readonly string[];
}

/** What is evaluated by itself: one piece of evidence of a vector, or material that vouches for others. */
export type SubjectKind =
  | 'snp'
  | 'quote'
  | 'azure-vm'
  | 'tpm'
  | 'nitro'
  | 'virtual'
  | 'uvm'
  | 'collateral'
  | 'roots';

export interface Subject {
  readonly kind: SubjectKind;
  /** The vector's id, and the part's name where it has several. */
  readonly id: string;
  readonly part: string;
  readonly vector: ManifestVector;
  /** The file that is evaluated. */
  readonly file: string;
}

/** Role of each file of the folder, by its unedited content. */
export type Roles = ReadonlyMap<string, Role>;

/** Recognises all files of the vectors. */
export function rolesOf(vectors: readonly ManifestVector[], read: ReadFile): Roles {
  const roles = new Map<string, Role>();
  for (const path of vectors.flatMap(({ files }) => files)) {
    const bytes = read(path);
    if (bytes !== undefined) roles.set(path, roleOf(path, bytes));
  }
  return roles;
}

/** Files of a vector in a role; counter-examples, which serve edits alone, are left out. */
export function filesIn(
  { files }: ManifestVector,
  roles: Roles,
  ...wanted: readonly Role[]
): readonly string[] {
  return files.filter(
    (path) => wanted.includes(roles.get(path) ?? 'other') && !/(^|\/)neg-[^/]*$/.test(path),
  );
}

/** Strongest first: a vector with a hardware report and a TPM quote is about both together. */
const kinds: readonly (readonly [SubjectKind, Role])[] = [
  ['azure-vm', 'hcl-report'],
  ['tpm', 'tpm-attest'],
  ['snp', 'snp-report'],
  ['quote', 'quote'],
  ['nitro', 'nitro'],
  ['virtual', 'virtual'],
  ['uvm', 'uvm'],
  ['collateral', 'collateral'],
  ['roots', 'certificates'],
];

/** What there is to evaluate in a vector. */
export function subjectsOf(vector: ManifestVector, roles: Roles): readonly Subject[] {
  for (const [kind, role] of kinds) {
    const files = filesIn(vector, roles, role);
    if (files.length === 0) continue;
    const several = files.length > 1;
    return files.map((file) => {
      const part = several ? partName(file, kind) : '';
      const separator = kind === 'tpm' ? ' ' : '/';
      return { kind, id: part === '' ? vector.id : `${vector.id}${separator}${part}`, part, vector, file };
    });
  }
  return [];
}

function partName(file: string, kind: SubjectKind): string {
  const name = (file.split('/').at(-1) ?? file).replace(/\.[^.]*$/, '');
  return kind === 'tpm' ? name.replace(/^quote-/, '') : name;
}
