import { azureUvmEndorsers, verifyUvmEndorsement } from '../azure/uvm.ts';
import { verifyPath } from '../certificate-path.ts';
import type { CheckName } from '../check-names.ts';
import { Checklist } from '../checklist.ts';
import type { Claims } from '../claims.ts';
import { AttestationError, insist } from '../errors.ts';
import { verifyStatements } from '../intel/collateral.ts';
import { collateralFromJson, pathFrom } from '../intel/collateral-forms.ts';
import { type Roots, type TrustMaterial, vendorRoots } from '../trust.ts';
import { verify } from '../verify.ts';
import { assemble } from './assemble.ts';
import { type Edit, editedView, noEdit } from './edit.ts';
import { checksFor, plain, readExpectation } from './expectation.ts';
import { plainView, type ReadFile, remembered } from './files.ts';
import { type Assembled, contentOf, type Folder } from './folder.ts';
import { type Mutation, readEntries, type Unusable } from './manifest.ts';
import { type Narrowed, narrowed, vectorPolicy } from './policy.ts';
import { certificatesOf } from './roles.ts';
import { filesIn, type ManifestVector, rolesOf, type Subject, subjectsOf } from './subjects.ts';
import { timeOf } from './times.ts';

/** One line of the report: a vector, a part of one, or a mutation. */
export interface VectorRow {
  readonly id: string;
  readonly mutation?: string;
  readonly verdict: 'valid' | 'refused';
  readonly tcbStatus: string | null;
  readonly failedCheck: CheckName | 'vector' | null;
  /** What the failed check found. */
  readonly reason: string | null;
  /** The text of the manifest or mutation. */
  readonly expected: string;
  /** The verdict is the expected one; for mutations, and for the expected reason where that is understood. */
  readonly ok: boolean;
  readonly platform: string;
  /** Milliseconds the verification took, when a clock was given. */
  readonly milliseconds: number | null;
}

export interface VectorOptions {
  /** Roots in the place of the vendors', for folders made with keys of one's own. */
  readonly roots?: Roots;
  /** Milliseconds that only go up, to time each verification by. */
  readonly clock?: () => number;
}

interface Bench {
  readonly clock: VectorOptions['clock'] | undefined;
  readonly roots: Roots;
}

/**
 * Evaluates every vector of a folder at its own time, then every mutation of it. The folder holds
 * `manifest.json` and, perhaps, `mutations.json`. A vector with several pieces of evidence gives a row for
 * each and one for the whole.
 */
export function evaluateVectors(files: ReadFile, options: VectorOptions = {}): readonly VectorRow[] {
  const read = remembered(files);
  const { vectors, mutations, unusable } = readEntries(read);
  const roles = rolesOf(vectors, read);
  const subjects = vectors.map((vector) => subjectsOf(vector, roles));
  const material = vectors.filter((_vector, index) =>
    (subjects[index] ?? []).every(({ kind }) => kind === 'collateral' || kind === 'roots'),
  );
  const folder: Folder = { view: plainView(read), original: read, roles, material };
  const bench: Bench = { clock: options.clock, roots: options.roots ?? vendorRoots };
  const all = subjects.flat();
  return [
    ...vectors.flatMap((vector, index) => vectorRows(vector, subjects[index] ?? [], folder, bench)),
    ...mutations.map((mutation) => mutationRow(mutation, all, folder, bench)),
    ...unusable.map(unusableRow),
  ];
}

/** The row of what could not be evaluated. */
function unusableRow({ reason, ...named }: Unusable): VectorRow {
  return {
    ...named,
    verdict: 'refused',
    tcbStatus: null,
    failedCheck: 'vector',
    reason,
    ok: false,
    platform: '',
    milliseconds: null,
  };
}

function vectorRows(
  vector: ManifestVector,
  subjects: readonly Subject[],
  folder: Folder,
  bench: Bench,
): readonly VectorRow[] {
  const rows = subjects.map((subject) => {
    const found = evaluate(subject, folder, noEdit, bench);
    const { verdict, tcbStatus } = readExpectation(vector.expected, subject.part);
    const isAsSaid = found.verdict === verdict && (tcbStatus === null || found.tcbStatus === tcbStatus);
    // Where nothing is expected, nothing is as expected.
    const ok = vector.expected !== '' && isAsSaid;
    return { id: subject.id, ...found, expected: vector.expected, ok };
  });
  const [first] = rows;
  if (rows.length === 1 && first !== undefined) return rows;
  return [summary(vector, rows), ...rows];
}

/** The whole of a vector: valid when any part is, and as expected when all parts are. */
function summary({ id, expected, files }: ManifestVector, rows: readonly VectorRow[]): VectorRow {
  const best = rows.find(({ verdict }) => verdict === 'valid') ?? rows[0];
  if (best !== undefined) return { ...best, id, expected, ok: rows.every(({ ok }) => ok) };
  return unusableRow({
    id,
    expected,
    reason: `no evidence that is understood is among its ${files.length} files`,
  });
}

function mutationRow(
  mutation: Mutation,
  subjects: readonly Subject[],
  folder: Folder,
  bench: Bench,
): VectorRow {
  const { base, name, edit, expect } = mutation;
  const row = { id: base, mutation: name, expected: expect };
  const subject = subjectOf(mutation, subjects);
  if (subject === undefined) return unusableRow({ ...row, reason: `there is no evidence ${base} to change` });
  const found = evaluate(subject, folder, edit, bench);
  const wanted = checksFor(expect);
  const fits = wanted === undefined || wanted.some((check) => check === found.failedCheck);
  return { ...row, ...found, ok: found.verdict === 'refused' && found.failedCheck !== 'vector' && fits };
}

/** A mutation names a vector or a part. Of several parts it means the one whose file or name it mentions. */
function subjectOf({ base, name, edit }: Mutation, subjects: readonly Subject[]): Subject | undefined {
  const exact = subjects.find(({ id }) => id === base);
  if (exact !== undefined) return exact;
  const parts = subjects.filter(({ vector }) => vector.id === base);
  const edited = parts.find(({ file }) => file === edit.file);
  return edited ?? parts.find(({ part }) => plain(name).includes(plain(part))) ?? parts[0];
}

type Found = Omit<VectorRow, 'id' | 'mutation' | 'expected' | 'ok'>;

function evaluate(subject: Subject, plainFolder: Folder, edit: Edit, { clock, roots }: Bench): Found {
  const checks = new Checklist();
  // Only the verification is timed, not finding what belongs to it in the folder.
  let started = clock?.();
  const spent = () => (clock === undefined || started === undefined ? null : clock() - started);
  const begin = () => {
    started = clock?.();
  };
  const platform = { platform: subject.kind };
  try {
    const missing = subject.vector.files.find((path) => plainFolder.original(path) === undefined);
    insist(missing === undefined, `${missing} is named and missing`);
    const folder = { ...plainFolder, view: editedView(plainFolder.original, edit) };
    const now = edit.at ?? timeOf(subject, plainFolder);
    const claims = verifySubject(subject, folder, edit, { now, begin, roots }, checks);
    const passed = { verdict: 'valid', failedCheck: null, reason: null } as const;
    const tcbStatus = claims?.tcbStatus ?? null;
    return { ...passed, tcbStatus, platform: claims?.platform ?? subject.kind, milliseconds: spent() };
  } catch (error) {
    const verdict = 'refused';
    if (error instanceof AttestationError) {
      const { code, message, claims } = error;
      const tcbStatus = claims?.tcbStatus ?? null;
      return { verdict, tcbStatus, failedCheck: code, reason: message, ...platform, milliseconds: spent() };
    }
    // A vector that cannot even be put together is a row of the report, not the end of it.
    const reason = error instanceof Error ? error.message : String(error);
    return { verdict, tcbStatus: null, failedCheck: 'vector', reason, ...platform, milliseconds: spent() };
  }
}

function verifySubject(
  subject: Subject,
  folder: Folder,
  edit: Edit,
  { now, begin, roots }: { readonly now: number; begin(): void; readonly roots: Roots },
  checks: Checklist,
): Claims | undefined {
  switch (subject.kind) {
    case 'roots':
      verifyRoots(subject, folder, roots, checks);
      return undefined;
    case 'collateral': {
      const collateral = checks.run('collateral-shape', () =>
        collateralFromJson(contentOf(folder, subject.file)),
      );
      verifyStatements(checks, collateral, roots.intel, now);
      return undefined;
    }
    case 'uvm': {
      const { did, feed } = verifyUvmEndorsement(checks, contentOf(folder, subject.file), now);
      checks.run('uvm-issuer', () =>
        insist(
          azureUvmEndorsers.some((one) => one.did === did && one.feed === feed),
          `${did} for ${feed}`,
        ),
      );
      return undefined;
    }
    default: {
      const { evidence, endorsements, ...more } = assemble(subject, folder, now, checks);
      const { policy, expected } = acceptance(subject, folder, more, endorsements.uvm !== undefined, edit);
      const withOwn = { ...roots, tpm: [...roots.tpm, ...(more.tpmRoots ?? [])] };
      const trust: TrustMaterial = { roots: withOwn, policy, expected };
      begin();
      return verify(evidence, endorsements, trust, now).claims;
    }
  }
}

/** The policy and what must be bound: the vector's node key if it has one, and what the mutation asks. */
function acceptance(
  { vector, kind }: Subject,
  folder: Folder,
  { attestationKeys }: Pick<Assembled, 'attestationKeys'>,
  hasUvm: boolean,
  edit: Edit,
): Narrowed {
  const isWindows = filesIn(vector, folder.roles, 'boot-log').some((path) => /wbcl/.test(path));
  const endorsers = azureUvmEndorsers.map((one) => ({ ...one, svn: 0 }));
  const policy = {
    ...vectorPolicy,
    snp: { ...vectorPolicy.snp, ...(hasUvm ? { uvmEndorsers: endorsers } : {}) },
    tpm: { attestationKeys: attestationKeys ?? [], requireVirtualSecureMode: kind === 'tpm' && isWindows },
  };
  const keyFile = filesIn(vector, folder.roles, 'public-key').find((path) => /node[^/]*$/.test(path));
  const expected = keyFile === undefined ? {} : { publicKey: contentOf(folder, keyFile) };
  return narrowed({ policy, expected }, edit.policy);
}

/** Every chain of a file of authorities leads to a pinned root. */
function verifyRoots({ file }: Subject, folder: Folder, pinned: Roots, checks: Checklist): void {
  const certificates = checks.run('certificate-shape', () => certificatesOf(folder.view(file)));
  const { amd, intel, aws, tpm } = pinned;
  const roots = [...Object.values(amd).flat(), ...intel, ...aws, ...tpm];
  for (const certificate of certificates) {
    verifyPath(checks, pathFrom(certificate, certificates), { roots, selfSignedRoot: true });
  }
}
