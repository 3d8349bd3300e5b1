import { equalBytes, parseSign1, sha256, verifySign1 } from '@coco/crypto';
import { type NitroDocument, parseNitroDocument } from './aws/document.ts';
import { expectedKeyDigest } from './binding.ts';
import {
  checkMaySign,
  checkPathDates,
  checkRevocation,
  parseCertificates,
  verifyPath,
} from './certificate-path.ts';
import type { Checklist } from './checklist.ts';
import type { Claims } from './claims.ts';
import { insist } from './errors.ts';
import type { Endorsements, Evidence } from './evidence.ts';
import { judge } from './judgement.ts';
import { nitroAgeMsMax } from './limits.ts';
import { isZero } from './reader.ts';
import type { Expected, NitroPolicy, TrustMaterial } from './trust.ts';

type NitroEvidence = Extract<Evidence, { platform: 'nitro' }>;

/** ECDSA over P-384 with SHA-384. */
const es384 = -35;

/** Verifies a document of an AWS Nitro enclave. It carries its own certificates, which live for hours. */
export function verifyNitro(
  evidence: NitroEvidence,
  endorsements: Endorsements,
  trust: TrustMaterial,
  now: number,
  checks: Checklist,
): Claims {
  const { policy } = trust;
  const message = checks.run('evidence-shape', () => parseSign1(evidence.document, 'optional'));
  checks.run('signature-algorithm', () =>
    insist(
      message.protected.get(1) === es384,
      `COSE algorithm ${String(message.protected.get(1))} is not ES384`,
    ),
  );
  const document = checks.run('evidence-shape', () => parseNitroDocument(message.payload));
  const chain = checks.run('certificate-shape', () => parseCertificates(document.chain));
  verifyPath(checks, chain, { roots: trust.roots.aws, selfSignedRoot: true });
  const leaf = chain[0]!;
  checks.run('certificate-kind', () => {
    insist(!leaf.isCa && leaf.publicKey.curve === 'P-384', `"${leaf.subject}" is no key of an enclave`);
    checkMaySign(leaf);
  });
  checks.run('evidence-signature', () => verifySign1(message, leaf.publicKey));
  checkPathDates(checks, chain, now);
  checks.run('revocation', () => checkRevocation(chain, endorsements.crls ?? [], now));
  checks.run('evidence-version', () => insist(document.digest === 'SHA384', `digest ${document.digest}`));
  const claims = claimsOf(document);
  checks.claims = claims;
  checks.run('timestamp', () =>
    insist(Math.abs(now - document.timestamp) <= nitroAgeMsMax, 'the document is not of this time'),
  );
  judge(checks, claims, policy, () => checkPcrs(checks, document, policy.nitro ?? {}));
  checkBinding(checks, document, trust.expected);
  return claims;
}

function checkPcrs(checks: Checklist, { pcrs }: NitroDocument, policy: NitroPolicy): void {
  checks.ask('pcr-values', policy.pcrs, (wanted) => {
    for (const [index, accepted] of Object.entries(wanted)) {
      const found = pcrs.get(Number(index))?.toHex();
      insist(found !== undefined, `the document has no PCR ${index}`);
      insist(
        accepted.some((value) => value.toLowerCase() === found),
        `PCR ${index} is ${found}`,
      );
    }
  });
}

/** The key, or its digest, stands in public_key or user_data; the nonce in its own field. */
function checkBinding(
  checks: Checklist,
  { publicKey, userData, nonce }: NitroDocument,
  expected: Expected | undefined,
): void {
  checks.ask('quoted-nonce', expected?.nonce, (wanted) =>
    insist(nonce !== null && equalBytes(nonce, wanted), `the nonce is ${nonce?.toHex() ?? 'absent'}`),
  );
  checks.ask('report-data', expected?.reportData, (wanted) =>
    insist(
      userData !== null && equalBytes(userData, wanted),
      `user_data is ${userData?.toHex() ?? 'absent'}`,
    ),
  );
  checks.ask('report-data', expectedKeyDigest(expected), (digest) => {
    const bound = [publicKey, userData].some(
      (field) => field !== null && (equalBytes(sha256(field), digest) || holdsDigest(field, digest)),
    );
    insist(bound, 'neither public_key nor user_data holds the expected key or its digest');
  });
}

function holdsDigest(field: Uint8Array, digest: Uint8Array): boolean {
  return field.length >= 32 && equalBytes(field.subarray(0, 32), digest) && isZero(field.subarray(32));
}

function claimsOf(document: NitroDocument): Claims {
  const { pcrs, userData, moduleId } = document;
  const code = [0, 1, 2].map((index) => pcrs.get(index));
  // An enclave in debug mode measures as zeros.
  const debug = code.some((value) => value === undefined || isZero(value));
  return {
    platform: 'nitro',
    assurance: 'cloud',
    product: 'AWS Nitro',
    hardware: { moduleId },
    firmware: { timestamp: document.timestamp },
    debug,
    measurement: code[0]?.toHex() ?? '',
    measurements: Object.fromEntries([...pcrs].map(([index, value]) => [`pcr${index}`, value.toHex()])),
    configuration: null,
    signer: pcrs.get(8)?.toHex() ?? null,
    platformId: moduleId,
    reportData: userData?.toHex() ?? '',
    tcbStatus: null,
    advisories: [],
    warnings: ['AWS certifies no firmware versions'],
  };
}
