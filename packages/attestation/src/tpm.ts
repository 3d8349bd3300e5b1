import { type Certificate, constantTimeEqual, importPublicKey, type PublicKey, sha256 } from '@coco/crypto';
import { checkReportData } from './binding.ts';
import { extendedKeyUsages, verifyChain } from './certificate-path.ts';
import type { Checklist } from './checklist.ts';
import type { Assurance, Claims } from './claims.ts';
import { insist, refuse } from './errors.ts';
import type { Endorsements, Evidence } from './evidence.ts';
import { judge } from './judgement.ts';
import type { BootEvent } from './tpm/event-log.ts';
import { parseEventLog } from './tpm/event-log.ts';
import type { QuotedPcrs } from './tpm/pcrs.ts';
import { checkAttestationKey, type PublicArea, parsePublicArea } from './tpm/public-area.ts';
import {
  checkQualifyingData,
  pcrClaims,
  readQuote,
  type VerifiedQuote,
  verifyEventLog,
  verifyQuote,
} from './tpm/quote.ts';
import {
  checkVirtualSecureMode,
  parseVsmReport,
  secureKernelKey,
  type VsmReport,
  verifyVsmReport,
  vsmDebugFlags,
  windowsBoot,
} from './tpm/windows.ts';
import type { Expected, TrustMaterial } from './trust.ts';

type TpmEvidence = Extract<Evidence, { platform: 'tpm' }>;

/** Why an attestation key is trusted, and what that is worth. */
interface TrustedKey {
  readonly key: PublicKey;
  readonly how: 'named' | 'certified' | 'activated';
  readonly platformId: string;
}

/** TCG key usages: of attestation keys, and of endorsement keys. */
const usage = { attestationKey: '2.23.133.8.3', endorsementKey: '2.23.133.8.1' } as const;

const assurances: Readonly<Record<TrustedKey['how'], Assurance>> = {
  named: 'boot',
  certified: 'cloud',
  activated: 'boot',
};

/** Verifies the quote of a TPM 2.0 with its boot log, and on Windows the report of an enclave. */
export function verifyTpm(
  evidence: TpmEvidence,
  endorsements: Endorsements,
  trust: TrustMaterial,
  now: number,
  checks: Checklist,
): Claims {
  const { policy } = trust;
  const tpm = policy.tpm ?? {};
  const signature = readQuote(checks, evidence.quote);
  if (tpm.requireVirtualSecureMode === true) refuseAdmitted(checks, evidence);
  const trusted = trustKey(checks, evidence.attestationKey, endorsements, trust, now);
  const quoted = verifyQuote(checks, evidence.quote, signature, trusted.key, tpm);
  const events = verifyEventLog(checks, evidence.quote.eventLog, quoted, tpm);
  const report = verifyEnclave(checks, evidence, events, quoted, tpm.requireVirtualSecureMode === true);
  const claims = claimsOf(quoted, trusted, report);
  judge(checks, claims, policy);
  if (report === undefined) checkQualifyingData(checks, quoted.attest, trust.expected);
  else checkEnclaveBinding(checks, quoted, report, trust);
  return claims;
}

/** A log that says of itself that virtual secure mode is off needs no signature to be refused. */
function refuseAdmitted(checks: Checklist, { quote }: TpmEvidence): void {
  checks.run('virtual-secure-mode', () => {
    insist(quote.eventLog !== undefined, 'there is no boot log that says virtual secure mode is on');
    checkVirtualSecureMode(windowsBoot(parseEventLog(quote.eventLog), undefined));
  });
}

function trustKey(
  checks: Checklist,
  bytes: Uint8Array,
  endorsements: Endorsements,
  trust: TrustMaterial,
  now: number,
): TrustedKey {
  const area = checks.run('ak-attributes', () => readKey(bytes));
  const { key } = area;
  const named = trust.policy.tpm?.attestationKeys ?? [];
  if (named.includes(key.id) || (area.name !== undefined && named.includes(area.name))) {
    checks.run(
      'ak-trust',
      () => undefined,
      () => 'named by the policy',
    );
    return { key, how: 'named', platformId: key.id };
  }
  const roots = [...trust.roots.tpm, ...(trust.policy.tpm?.authorities ?? [])];
  const { crls } = endorsements;
  if (endorsements.activation !== undefined)
    return activated(checks, area, endorsements, { roots, asked: trust.expected?.activation }, now);
  const uncertified = 'the attestation key is neither certified, activated nor named';
  const certificates = checks.run('ak-trust', () => endorsements.certificates ?? refuse(uncertified));
  const chain = verifyChain(checks, certificates, { roots, crls }, now);
  checks.run(
    'ak-trust',
    () => {
      insist(chain.length >= 2, 'the certificate of the attestation key is its own root');
      checkUsage(chain[0]!, usage.attestationKey, ...(area.name === undefined ? [] : [usage.endorsementKey]));
      insist(chain[0]!.publicKey.id === key.id, 'the certificate is of another key');
    },
    () => 'certified',
  );
  return { key, how: 'certified', platformId: key.id };
}

type ReadKey = Pick<PublicArea, 'key'> & { readonly name: string | undefined };

/** A TPM's public area tells what the key may do; a bare key does not, and must be trusted otherwise. */
function readKey(bytes: Uint8Array): ReadKey {
  if (bytes[0] === 0x30) return { key: importPublicKey(bytes), name: undefined };
  const area = parsePublicArea(bytes);
  checkAttestationKey(area);
  return area;
}

/** The key gave back a secret that only the TPM of a certified endorsement key could decrypt for it. */
function activated(
  checks: Checklist,
  area: ReadKey,
  { activation, crls }: Endorsements,
  { roots, asked: asking }: { readonly roots: readonly string[]; readonly asked: Expected['activation'] },
  now: number,
): TrustedKey {
  const chain = verifyChain(checks, activation?.certificates ?? [], { roots, crls }, now);
  const platformId = checks.run(
    'ak-trust',
    () => {
      const endorsementKey = chain[0]!;
      checkUsage(endorsementKey, usage.endorsementKey);
      const asked = asking ?? refuse('no activation was asked for');
      insist(
        asked.endorsementKey === endorsementKey.publicKey.id,
        'the secret was for another endorsement key',
      );
      insist(asked.attestationKeyName === area.name, 'the secret was for another attestation key');
      insist(isAnswered(asked.secret, activation?.secret), 'the secret was not decrypted');
      return endorsementKey.publicKey.id;
    },
    () => 'activated by its endorsement key',
  );
  return { key: area.key, how: 'activated', platformId };
}

function isAnswered(asked: Uint8Array | 'known', given: Uint8Array | undefined): boolean {
  return asked === 'known' || (given !== undefined && constantTimeEqual(asked, given));
}

/** Some clouds certify attestation keys as endorsement keys; the public area tells which it is. */
function checkUsage(certificate: Certificate, ...wanted: readonly string[]): void {
  const usages = extendedKeyUsages(certificate);
  insist(
    usages.length === 0 || wanted.some((one) => usages.includes(one)),
    `"${certificate.subject}" is for ${usages.join(', ')}`,
  );
}

/** The enclave of virtual secure mode: the measured secure kernel signed its report. */
function verifyEnclave(
  checks: Checklist,
  { enclaveReport }: TpmEvidence,
  events: readonly BootEvent[],
  quoted: QuotedPcrs,
  required: boolean,
): VsmReport | undefined {
  if (enclaveReport === undefined && !required) return undefined;
  const boot = checks.run('virtual-secure-mode', () => {
    // Only what is quoted is proven: without PCR 12 and 13 the log could say anything.
    insist(quoted.values.has(12) && quoted.values.has(13), 'PCR 12 and 13 are not quoted');
    const found = windowsBoot(events, quoted.bank);
    checkVirtualSecureMode(found);
    return found;
  });
  if (enclaveReport === undefined) return undefined;
  return checks.run('enclave-report', () => {
    const report = parseVsmReport(enclaveReport);
    verifyVsmReport(report, secureKernelKey(boot));
    return report;
  });
}

/**
 * The enclave's own 64 bytes bind the key; the quote must be for them, or its parts come from two machines.
 */
function checkEnclaveBinding(
  checks: Checklist,
  { attest }: VerifiedQuote,
  report: VsmReport,
  trust: TrustMaterial,
): void {
  checkQualifyingData(checks, attest, { reportData: sha256(report.enclaveData) });
  checkReportData(checks, report.enclaveData, trust.expected);
}

function claimsOf(quoted: VerifiedQuote, trusted: TrustedKey, report: VsmReport | undefined): Claims {
  const { attest } = quoted;
  const vsm =
    report === undefined
      ? {}
      : {
          enclaveSvn: report.enclaveSvn,
          secureKernelSvn: report.secureKernelSvn,
          platformSvn: report.platformSvn,
        };
  return {
    platform: 'tpm',
    assurance: assurances[trusted.how],
    product: report === undefined ? 'TPM 2.0' : 'Windows virtual secure mode',
    hardware: {
      attestationKey: trusted.how,
      resetCount: attest.resetCount,
      restartCount: attest.restartCount,
    },
    firmware: { version: attest.firmwareVersion.toString(16), ...vsm },
    debug: report !== undefined && (report.flags & vsmDebugFlags) !== 0,
    measurement: report?.uniqueId ?? attest.pcrDigest.toHex(),
    measurements: pcrClaims(quoted),
    configuration: report?.familyId ?? null,
    signer: report?.authorId ?? null,
    platformId: trusted.platformId,
    reportData: (report?.enclaveData ?? attest.extraData).toHex(),
    tcbStatus: null,
    advisories: [],
    warnings:
      report === undefined
        ? ['measured boot does not keep out who owns the machine']
        : ['virtual secure mode does not keep out who owns the host'],
  };
}
