import { type Certificate, digest, fromBase64Url, type HashName } from '@coco/crypto';
import { extendedKeyUsages } from '../certificate-path.ts';
import { insist, Refusal, refuse } from '../errors.ts';

const hashes: Readonly<Record<string, HashName>> = {
  sha256: 'SHA-256',
  sha384: 'SHA-384',
  sha512: 'SHA-512',
};

/** Attributes of a subject that a DID may name, as crypto writes them. */
const subjectAttributes: readonly string[] = ['CN', 'L', 'ST', 'O', 'OU', 'C'];

/**
 * Resolves a did:x509 against the chain it comes with (version 0 of the method, Microsoft's did-x509): some
 * authority of the chain has the fingerprint, and every predicate holds for the leaf. That the chain is a
 * chain is the caller's to verify. Answers with the leaf, whose key the DID stands for.
 */
export function resolveDidX509(did: string, chain: readonly Certificate[]): Certificate {
  const [leaf, ...authorities] = chain;
  insist(leaf !== undefined && authorities.length >= 1, 'a did:x509 needs a leaf and an authority');
  const [head = '', ...predicates] = did.split('::');
  const [scheme, method, version, hashName = '', fingerprint = '', ...more] = head.split(':');
  insist(scheme === 'did' && method === 'x509' && more.length === 0, `"${did}" is no did:x509`);
  insist(version === '0', `did:x509 version ${version} is not known`);
  const hash = Object.hasOwn(hashes, hashName) ? hashes[hashName] : undefined;
  if (hash === undefined) refuse(`did:x509 hash "${hashName}" is not known`);
  const wanted = fromBase64Url(fingerprint).toHex();
  insist(
    authorities.some(({ der }) => digest(hash, der).toHex() === wanted),
    `no authority of the chain has the fingerprint of ${did}`,
  );
  insist(predicates.length >= 1, `"${did}" says nothing about the leaf`);
  for (const predicate of predicates) checkPredicate(predicate, leaf);
  return leaf;
}

function checkPredicate(predicate: string, leaf: Certificate): void {
  const [name, ...values] = predicate.split(':').map(decode);
  switch (name) {
    case 'eku':
      insist(values.length === 1, `did:x509 predicate "${predicate}" has ${values.length} values`);
      insist(
        extendedKeyUsages(leaf).includes(values[0]!),
        `"${leaf.subject}" lacks the key usage ${values[0]}`,
      );
      return;
    case 'subject':
      checkSubject(values, leaf);
      return;
    case 'san': {
      const [kind, value] = values;
      insist(kind === 'dns' && values.length === 2, `did:x509 predicate "${predicate}" is not understood`);
      const names = leaf.subjectAltNames.flatMap((one) => ('dns' in one ? [one.dns] : []));
      insist(names.includes(value!), `"${leaf.subject}" is not named ${value}`);
      return;
    }
    default:
      refuse(`did:x509 predicate "${predicate}" is not understood`);
  }
}

function checkSubject(values: readonly string[], leaf: Certificate): void {
  insist(values.length >= 2 && values.length % 2 === 0, 'did:x509 subject is not a list of pairs');
  const attributes = leaf.subject.split(/(?<!\\),/);
  for (let index = 0; index < values.length; index += 2) {
    const [key = '', value = ''] = values.slice(index, index + 2);
    insist(subjectAttributes.includes(key), `did:x509 subject attribute "${key}" is not known`);
    const wanted = `${key}=${value.replaceAll(',', '\\,')}`;
    insist(attributes.includes(wanted), `the subject "${leaf.subject}" has no ${wanted}`);
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Refusal(`did:x509 part "${text}" is not percent-encoded`);
  }
}
