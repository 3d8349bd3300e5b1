import { type PublicKey, parseCertificate, splitPemBundle } from '@coco/crypto';
import { type AmdTcb, parseTcb, productOfCpuid } from './amd/products.ts';
import { parseSnpReport } from './amd/report.ts';
import { parseHclReport, reportType } from './azure-vm.ts';
import { commonName, parsePemCertificates } from './certificate-path.ts';
import { Checklist } from './checklist.ts';
import { insist, refuse } from './errors.ts';
import type { Evidence } from './evidence.ts';
import { readPckIdentity } from './intel/pck.ts';
import { parseQuote, teeType } from './intel/quote.ts';
import { type QuoteInfo, readQuoteInfo } from './quote-info.ts';
import { parsePublicArea } from './tpm/public-area.ts';
import type { AmdProduct } from './trust.ts';

/** Which certificate of a chip's key vouches for a report: what AMD and the clouds' caches are asked for. */
export interface WantedVcek {
  readonly product: AmdProduct;
  /** Hexadecimal, as long as the product has it. */
  readonly chipId: string;
  readonly tcb: AmdTcb;
  /** The eight bytes as the report has them, hexadecimal, from the lowest. */
  readonly tcbBytes: string;
}

/** Reads from a report (unverified: only to know what to fetch) which VCEK signed it. Throws `AttestationError`. */
export function wantedVcek(report: Uint8Array): WantedVcek {
  return new Checklist().run('evidence-shape', () => {
    const { cpuid, chipId, reportedTcb } = parseSnpReport(report);
    if (cpuid === undefined) refuse('the report does not name the processor');
    const row = productOfCpuid(cpuid.family, cpuid.model);
    return {
      product: row.product,
      chipId: chipId.subarray(0, row.hardwareIdBytes).toHex(),
      tcb: parseTcb(reportedTcb, row),
      tcbBytes: reportedTcb.toHex(),
    };
  });
}

/** Which of Intel's collateral a quote needs. */
export interface WantedCollateral {
  readonly tee: 'sgx' | 'tdx';
  readonly fmspc: string;
  /** Which authority's revocation list. */
  readonly authority: 'processor' | 'platform';
}

/** Reads from a quote (unverified) which collateral it needs. Throws `AttestationError`. */
export function wantedCollateral(bytes: Uint8Array): WantedCollateral {
  return new Checklist().run('evidence-shape', () => {
    const { certificates, tee } = parseQuote(bytes);
    const [leaf] = splitPemBundle(certificates ?? '').map(({ der }) => parseCertificate(der));
    if (leaf === undefined) refuse("the quote does not carry the platform's certificates");
    return {
      tee: tee === teeType.tdx ? 'tdx' : 'sgx',
      fmspc: readPckIdentity(leaf).fmspc,
      authority: commonName(leaf.issuer).includes('Processor') ? 'processor' : 'platform',
    };
  });
}

/** What the processor said about the paravisor of an Azure VM. */
export interface ParavisorHardware {
  readonly platform: 'snp' | 'tdx';
  /** SNP report, or TDREPORT, for which a quote is yet to be had. */
  readonly report: Uint8Array;
}

/** Finds the hardware's report (unverified) in what the paravisor left in the TPM. Throws `AttestationError`. */
export function paravisorHardware(hclReport: Uint8Array): ParavisorHardware {
  const { reportType: type, hardware } = new Checklist().run('evidence-shape', () =>
    parseHclReport(hclReport),
  );
  if (type === reportType.snp) return { platform: 'snp', report: hardware };
  return { platform: 'tdx', report: hardware.subarray(0, tdReportBytes) };
}

/** TDREPORT_STRUCT (Intel TDX module ABI); its place in the paravisor's report is as long as an SNP report. */
const tdReportBytes = 1024;

/** For which keys of a TPM a credential is made: see `makeCredential`. */
export interface KeysToActivate {
  readonly endorsementKey: PublicKey;
  /** As the TPM refers to it. */
  readonly attestationKeyName: Uint8Array;
}

/**
 * Reads from a TPM's evidence (unverified) and from the certificates of its endorsement key (PEM, that of the key first)
 * what a challenge has to be for. Throws `AttestationError`.
 */
export function keysToActivate(info: QuoteInfo, certificates: string): KeysToActivate {
  const checks = new Checklist();
  const { evidence } = readQuoteInfo(info);
  const name = checks.run('ak-attributes', () => {
    insist(evidence.platform === 'tpm', `evidence of ${evidence.platform} has no key to activate`);
    return parsePublicArea(evidence.attestationKey).name;
  });
  return checks.run('certificate-shape', () => {
    const endorsementKey = parsePemCertificates(certificates)[0]?.publicKey;
    insist(
      endorsementKey?.kind === 'RSA',
      'the endorsement key is not an RSA key: others are not understood',
    );
    return { endorsementKey, attestationKeyName: Uint8Array.fromHex(name) };
  });
}

/**
 * Id of the key that signed a TPM's quote: how a policy names a key that nobody certifies. Throws
 * `AttestationError`.
 */
export function quotingKeyId({ attestationKey }: Extract<Evidence, { platform: 'tpm' }>): string {
  return new Checklist().run('ak-attributes', () => parsePublicArea(attestationKey).key.id);
}
