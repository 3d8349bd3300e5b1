import { azureUvmEndorsers, verifyUvmEndorsement } from '../azure/uvm.ts';
import { verifyPath } from '../certificate-path.ts';
import type { CheckName } from '../check-names.ts';
import { Checklist } from '../checklist.ts';
import type { Claims } from '../claims.ts';
import { AttestationError, insist } from '../errors.ts';
import { verifyStatements } from '../intel/collateral.ts';
import { collateralFromJson, pathFrom } from '../intel/collateral-forms.ts';
import { asObject, type JsonObject, listAt, parseJsonObject, textAt } from '../json.ts';
import { type Roots, type TrustMaterial, vendorRoots } from '../trust.ts';
import { verify } from '../verify.ts';
import { assemble } from './assemble.ts';
import { checksFor, plain, readExpectation } from './expectation.ts';
import { type Edit, editedView, plainView, type ReadFile, remembered } from './files.ts';
import { type Assembled, contentOf, type Folder } from './folder.ts';
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

/** A mutation of `mutations.json`. */
interface Mutation {
  readonly base: string;
  readonly name: string;
  readonly edit: Edit;
  readonly expect: string;
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
  const vectors = readManifest(read);
  const roles = rolesOf(vectors, read);
  const subjects = vectors.map((vector) => subjectsOf(vector, roles));
  const material = vectors.filter((_vector, index) =>
    (subjects[index] ?? []).every(({ kind }) => kind === 'collateral' || kind === 'roots'),
  );
  const folder: Folder = { view: plainView(read), original: read, roles, material };
  const bench: Bench = { clock: options.clock, roots: options.roots ?? vendorRoots };
  const rows = vectors.flatMap((vector, index) => vectorRows(vector, subjects[index] ?? [], folder, bench));
  const mutations = readMutations(read).map((mutation) =>
    mutationRow(mutation, subjects.flat(), folder, bench),
  );
  return [...rows, ...mutations];
}

function readManifest(read: ReadFile): readonly ManifestVector[] {
  const bytes = read('manifest.json');
  insist(bytes !== undefined, 'there is no manifest.json');
  const manifest = parseJsonObject(new TextDecoder().decode(bytes), 'manifest.json');
  return listAt(manifest, 'vectors', 'manifest.json').map((entry) => {
    const vector = asObject(entry, 'vector');
    const _files = vector.files;
    return {
      id: textAt(vector, 'id', 'vector'),
      evaluateAt: textAt(vector, 'evaluateAt', 'vector'),
      expected: textAt(vector, 'expected', 'vector'),
      files: Object.keys(asObject(vector.files, 'files of a vector')),
    };
  });
}

function textOr(object: JsonObject, key: string, otherwise: string): string {
  const value = object[key];
  return typeof value === 'string' ? value : otherwise;
}

function readMutations(read: ReadFile): readonly Mutation[] {
  const bytes = read('mutations.json');
  if (bytes === undefined) return [];
  const list = JSON.parse(new TextDecoder().decode(bytes)) as unknown;
  insist(Array.isArray(list), 'mutations.json is not a list');
  return list.map((entry) => {
    const mutation = asObject(entry, 'mutation');
    return {
      base: textAt(mutation, 'base', 'mutation'),
      name: textAt(mutation, 'name', 'mutation'),
      edit: asObject(mutation.edit, 'edit') as Edit,
      expect: textOr(mutation, 'expect', 'refused'),
    };
  });
}

function vectorRows(
  vector: ManifestVector,
  subjects: readonly Subject[],
  folder: Folder,
  bench: Bench,
): readonly VectorRow[] {
  const rows = subjects.map((subject) => {
    const found = evaluate(subject, folder, {}, bench);
    const { verdict, tcbStatus } = readExpectation(vector.expected, subject.part);
    const ok = found.verdict === verdict && (tcbStatus === null || found.tcbStatus === tcbStatus);
    return { id: subject.id, ...found, expected: vector.expected, ok };
  });
  const [first] = rows;
  if (rows.length === 1 && first !== undefined) return rows;
  return [summary(vector, rows), ...rows];
}

/** The whole of a vector: valid when any part is, and as expected when all parts are. */
function summary(vector: ManifestVector, rows: readonly VectorRow[]): VectorRow {
  const best = rows.find(({ verdict }) => verdict === 'valid') ?? rows[0];
  const nothing = {
    verdict: 'refused',
    tcbStatus: null,
    failedCheck: 'vector',
    reason: 'nothing in the vector is understood',
    platform: '',
    milliseconds: null,
  } as const;
  const ok = rows.length > 0 && rows.every((row) => row.ok);
  return { ...(best ?? nothing), id: vector.id, expected: vector.expected, ok };
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
  if (subject === undefined) {
    const failed = { failedCheck: 'vector', reason: `there is no vector ${base}`, platform: '' } as const;
    return { ...row, verdict: 'refused', tcbStatus: null, ...failed, ok: false, milliseconds: null };
  }
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
    const folder = { ...plainFolder, view: editedView(plainFolder.original, edit) };
    const now = edit.at === undefined ? timeOf(subject, plainFolder) : Date.parse(edit.at);
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
  return narrowed({ policy, expected }, edit.policy ?? {});
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
