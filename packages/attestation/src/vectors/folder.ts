import type { Certificate } from '@coco/crypto';
import { refuse } from '../errors.ts';
import type { Endorsements, Evidence } from '../evidence.ts';
import type { ReadFile, View } from './files.ts';
import { certificatesOf, dersOf, type Role } from './roles.ts';
import { filesIn, type ManifestVector, type Roles } from './subjects.ts';

/** Everything there is to know about a folder when one of its vectors is put together. */
export interface Folder {
  /** The files with the edit of a mutation. */
  readonly view: View;
  /** The files as they are: what belongs to what is told by these. */
  readonly original: ReadFile;
  readonly roles: Roles;
  /** Vectors that hold no evidence: what they hold vouches for others. */
  readonly material: readonly ManifestVector[];
}

/** A vector put together: what `verify` takes. */
export interface Assembled {
  readonly evidence: Evidence;
  readonly endorsements: Endorsements;
  /** Authorities of TPMs beside the vendors', and keys, that the vector brings. */
  readonly tpmRoots?: readonly string[];
  readonly attestationKeys?: readonly string[];
}

/** The one content of a file. */
export function contentOf({ view }: Folder, path: string): Uint8Array {
  const [bytes, ...more] = view(path);
  return bytes !== undefined && more.length === 0 ? bytes : refuse(`${path} is not one file`);
}

/** The first file of a vector in a role, if it has one. */
export function optional(vector: ManifestVector, folder: Folder, role: Role): Uint8Array | undefined {
  const [path] = filesIn(vector, folder.roles, role);
  return path === undefined ? undefined : contentOf(folder, path);
}

/** All certificates of a vector. */
export function certificatesIn(vector: ManifestVector, folder: Folder): Certificate[] {
  return certificatesOf(filesIn(vector, folder.roles, 'certificates').flatMap(folder.view));
}

/** All revocation lists of a vector, DER. */
export function revocationListsIn(vector: ManifestVector, folder: Folder): readonly Uint8Array[] {
  const files = filesIn(vector, folder.roles, 'crl').flatMap(folder.view);
  return files.flatMap((bytes) => dersOf(bytes, 'X509 CRL'));
}

/** Certificates among the material of the folder; a broken one there is nobody's. */
export function pooledCertificates(folder: Folder): Certificate[] {
  return folder.material.flatMap((vector) => readOrNothing(() => certificatesIn(vector, folder)) ?? []);
}

/** What was read, or undefined when it cannot be. */
export function readOrNothing<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
