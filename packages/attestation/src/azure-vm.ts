import { concatBytes, equalBytes, type PublicKey, publicKeyFromJwk, sha256 } from '@coco/crypto';
import { snpReportBytes } from './amd/report.ts';
import { verifyChain } from './certificate-path.ts';
import type { Checklist } from './checklist.ts';
import type { Claims } from './claims.ts';
import { insist, refuse } from './errors.ts';
import type { Endorsements, Evidence } from './evidence.ts';
import { asObject, hexAt, type JsonObject, listAt, parseJsonObject, textAt } from './json.ts';
import { judge } from './judgement.ts';
import { Reader } from './reader.ts';
import { verifySnp } from './snp.ts';
import { verifyTdx } from './tdx.ts';
import { checkQualifyingData, pcrClaims, readQuote, verifyEventLog, verifyQuote } from './tpm/quote.ts';
import type { TrustMaterial } from './trust.ts';

type AzureVmEvidence = Extract<Evidence, { platform: 'azure-vm' }>;

/** What the paravisor of an Azure confidential VM hands out. */
export interface HclReport {
  readonly reportType: number;
  /** SNP report, or TDREPORT. */
  readonly hardware: Uint8Array;
  /** The exact text: the hardware report binds its digest. */
  readonly runtimeText: Uint8Array;
}

const magic = 0x414c4348;
const headerBytes = 32;
export const reportType = { snp: 2, tdx: 4 } as const;
const sha256Type = 1;

/**
 * Verifies an Azure confidential VM: the hardware report vouches for the paravisor's data, these name the
 * virtual TPM's attestation key, and that signs the registers. The node's key is bound by the TPM's quote.
 */
export function verifyAzureVm(
  evidence: AzureVmEvidence,
  endorsements: Endorsements,
  trust: TrustMaterial,
  now: number,
  checks: Checklist,
): Claims {
  const { policy } = trust;
  const hcl = checks.run('evidence-shape', () => parseHclReport(evidence.hclReport));
  const signature = readQuote(checks, evidence.quote);
  // Measurements and the like are of the paravisor; what the policy lists is judged below, on everything.
  const { measurements: _code, configurations: _configured, signers: _signed, ...statePolicy } = policy;
  const inner: TrustMaterial = { roots: trust.roots, policy: statePolicy };
  const hardware = hardwareClaims(evidence, hcl, endorsements, inner, now, checks);
  checks.run('hardware-binding', () => {
    const bound = concatBytes(sha256(hcl.runtimeText), new Uint8Array(32)).toHex();
    insist(
      hardware.reportData === bound,
      'the hardware report does not vouch for the runtime data and its keys',
    );
  });
  const runtime = checks.run('evidence-shape', () =>
    parseJsonObject(new TextDecoder().decode(hcl.runtimeText), 'runtime data'),
  );
  const key = checks.run('ak-trust', () => attestationKey(runtime));
  verifyKeyCertificate(checks, endorsements.attestationKeyCertificates, key, trust, now);
  const tpm = policy.tpm ?? {};
  const quoted = verifyQuote(checks, evidence.quote, signature, key, tpm);
  verifyEventLog(checks, evidence.quote.eventLog, quoted, tpm);
  const claims = claimsOf(hardware, pcrClaims(quoted), quoted.attest.extraData, runtime);
  judge(checks, claims, policy);
  checkUserData(checks, runtime, trust);
  checkQualifyingData(checks, quoted.attest, trust.expected);
  return claims;
}

function hardwareClaims(
  evidence: AzureVmEvidence,
  hcl: HclReport,
  endorsements: Endorsements,
  trust: TrustMaterial,
  now: number,
  checks: Checklist,
): Claims {
  if (hcl.reportType === reportType.snp) {
    return verifySnp({ platform: 'snp', report: hcl.hardware }, endorsements, trust, now, checks);
  }
  const quote = checks.run('evidence-shape', () => evidence.tdQuote ?? refuse('the TD quote is missing'));
  return verifyTdx({ platform: 'tdx', quote }, endorsements, trust, now, checks);
}

/** Takes apart what the paravisor left. Nothing in it is proven yet. */
export function parseHclReport(bytes: Uint8Array): HclReport {
  const reader = new Reader(bytes, 'HCL report', 'little');
  insist(reader.u32() === magic, 'the HCL report does not begin with HCLA');
  reader.take(headerBytes - 4);
  const hardware = reader.take(snpReportBytes);
  const [size, version, type, hash, variable] = [
    reader.u32(),
    reader.u32(),
    reader.u32(),
    reader.u32(),
    reader.u32(),
  ];
  insist(version === 1, `runtime data of version ${version}`);
  insist(type === reportType.snp || type === reportType.tdx, `a hardware report of type ${type}`);
  insist(hash === sha256Type, `runtime data hashed by ${hash}, not SHA-256`);
  insist(variable <= size, 'the runtime data is longer than what holds it');
  const runtimeText = reader.take(variable);
  return { reportType: type, hardware, runtimeText };
}

function attestationKey(runtime: JsonObject): PublicKey {
  const what = 'runtime data';
  const keys = listAt(runtime, 'keys', what).map((key) => asObject(key, what));
  const key =
    keys.find(({ kid }) => kid === 'HCLAkPub') ?? refuse('the runtime data names no attestation key');
  return publicKeyFromJwk({
    kty: textAt(key, 'kty', what),
    n: textAt(key, 'n', what),
    e: textAt(key, 'e', what),
  });
}

/** The hardware vouches for the key already; a certificate that is given must agree. */
function verifyKeyCertificate(
  checks: Checklist,
  certificates: readonly Uint8Array[] | undefined,
  key: PublicKey,
  trust: TrustMaterial,
  now: number,
): void {
  if (certificates === undefined) return;
  const chain = verifyChain(checks, certificates, { roots: trust.roots.tpm }, now);
  checks.run('ak-trust', () =>
    insist(chain[0]!.publicKey.id === key.id, 'the certificate is of another attestation key'),
  );
}

/** 64 bytes the guest may write beside the keys; they bind the node's key too when they are expected to. */
function checkUserData(checks: Checklist, runtime: JsonObject, trust: TrustMaterial): void {
  checks.ask('report-data', trust.expected?.userData, (wanted) => {
    const found = hexAt(runtime, 'user-data', 64, 'runtime data');
    insist(equalBytes(found, wanted), `the user data is ${found.toHex()}`);
  });
}

function claimsOf(
  hardware: Claims,
  pcrs: Readonly<Record<string, string>>,
  extraData: Uint8Array,
  runtime: JsonObject,
): Claims {
  const machine = runtime['vm-configuration'];
  const configuration = typeof machine === 'object' && machine !== null ? machine : {};
  const facts = Object.entries(configuration).filter(
    (entry): entry is [string, string | number | boolean] =>
      typeof entry[1] === 'string' || typeof entry[1] === 'number' || typeof entry[1] === 'boolean',
  );
  return {
    ...hardware,
    platform: 'azure-vm',
    product: `Azure confidential VM, ${hardware.product}`,
    hardware: { ...hardware.hardware, ...Object.fromEntries(facts) },
    measurements: { ...hardware.measurements, ...pcrs },
    reportData: extraData.toHex(),
  };
}
