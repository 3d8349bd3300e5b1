import { decodePem, fromBase64, toBase64 } from '@coco/crypto';
import { Checklist } from './checklist.ts';
import { insist, refuse } from './errors.ts';
import type { Collateral, Endorsements, Evidence } from './evidence.ts';
import { collateralFromJson, collateralFromOpenEnclave } from './intel/collateral-forms.ts';
import { asObject, parseJsonObject, textAt } from './json.ts';
import { Reader } from './reader.ts';
import { type QuoteFormat, quoteFormats } from './tees.ts';
import { tpmEvidenceFromJson, tpmEvidenceToJson } from './tpm/json-form.ts';

/** Evidence as a node sends it to join and as the tables keep it: CCF's `quote_info`. All base64. */
export interface QuoteInfo {
  readonly format: string;
  readonly quote: string;
  readonly endorsements?: string;
  readonly uvm_endorsements?: string;
}

/** Where an SGX quote tells the length of what follows. */
const sgxSignatureOffset = 432;

interface Read {
  readonly evidence: Evidence;
  readonly endorsements: Endorsements;
}

type ReadForm = (quote: Uint8Array, endorsements: Uint8Array | undefined, info: QuoteInfo) => Read;

/** How each format is read; one row each. */
const forms: Readonly<Record<string, ReadForm>> = {
  [quoteFormats.snp]: (report, endorsements, { uvm_endorsements: uvm }) => ({
    evidence: { platform: 'snp', report },
    endorsements: { ...pemEndorsements(endorsements), ...(uvm ? { uvm: fromBase64(uvm) } : {}) },
  }),
  [quoteFormats.sgx]: (quote, endorsements) => ({
    evidence: openEnclaveEvidence(quote),
    endorsements: endorsements === undefined ? {} : { collateral: sgxCollateral(endorsements) },
  }),
  [quoteFormats.tdx]: (quote, endorsements) => ({
    evidence: { platform: 'tdx', quote },
    endorsements: endorsements === undefined ? {} : { collateral: collateralFromJson(endorsements) },
  }),
  [quoteFormats.tpm]: (json, endorsements) => {
    const evidence = tpmEvidenceFromJson(json);
    insist(evidence.platform === 'tpm', 'the evidence is of a confidential VM');
    return { evidence, endorsements: pemEndorsements(endorsements) };
  },
  [quoteFormats['azure-vm']]: (json, endorsements) => {
    const evidence = tpmEvidenceFromJson(json);
    insist(evidence.platform === 'azure-vm', 'there is no report of a paravisor');
    return { evidence, endorsements: endorsements === undefined ? {} : azureEndorsements(endorsements) };
  },
  [quoteFormats.nitro]: (document) => ({ evidence: { platform: 'nitro', document }, endorsements: {} }),
  [quoteFormats.virtual]: (json) => ({ evidence: { platform: 'virtual', json }, endorsements: {} }),
};

/** Reads a node's evidence into what `verify` takes. Throws `AttestationError`. */
export function readQuoteInfo(info: QuoteInfo): Read {
  return new Checklist().run('evidence-shape', () => {
    const form = Object.hasOwn(forms, info.format) ? forms[info.format] : undefined;
    if (form === undefined) refuse(`evidence of format "${info.format}" is not understood`);
    const endorsements = info.endorsements ? fromBase64(info.endorsements) : undefined;
    return form(fromBase64(info.quote), endorsements, info);
  });
}

/** A TPM's evidence as a node's record holds it; `endorsements` as `readQuoteInfo` expects them. */
export function tpmQuoteInfo(
  evidence: Extract<Evidence, { platform: 'tpm' | 'azure-vm' }>,
  endorsements: string,
): { readonly format: QuoteFormat; readonly quote: string; readonly endorsements: string } {
  const base64 = (text: string) => toBase64(utf8(text));
  return {
    format: quoteFormats[evidence.platform],
    quote: base64(tpmEvidenceToJson(evidence)),
    endorsements: base64(endorsements),
  };
}

/** Certificates and revocation lists in one PEM text. */
function pemEndorsements(bytes: Uint8Array | undefined): Endorsements {
  if (bytes === undefined) return {};
  const blocks = decodePem(new TextDecoder('latin1').decode(bytes));
  const labelled = (label: string) => blocks.filter((block) => block.label === label).map(({ der }) => der);
  const crls = labelled('X509 CRL');
  return { certificates: labelled('CERTIFICATE'), ...(crls.length === 0 ? {} : { crls }) };
}

/** `{"certificates": PEM, "collateral"?: {...}, "attestationKeyCertificates"?: PEM}`. */
function azureEndorsements(bytes: Uint8Array): Endorsements {
  const what = 'endorsements';
  const json = parseJsonObject(new TextDecoder().decode(bytes), what);
  const has = (key: string) => Object.hasOwn(json, key);
  const pem = (key: string) => pemEndorsements(utf8(textAt(json, key, what)));
  const { certificates: keyChain } = has('attestationKeyCertificates')
    ? pem('attestationKeyCertificates')
    : {};
  return {
    ...(has('certificates') ? pem('certificates') : {}),
    ...(keyChain === undefined ? {} : { attestationKeyCertificates: keyChain }),
    ...(has('collateral')
      ? { collateral: collateralFromJson(utf8(JSON.stringify(asObject(json.collateral, what)))) }
      : {}),
  };
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Open Enclave's container, or (Gramine) the same JSON as for TDX. */
function sgxCollateral(bytes: Uint8Array): Collateral {
  return bytes[0] === 0x7b ? collateralFromJson(bytes) : collateralFromOpenEnclave(bytes);
}

/** Open Enclave's claims follow the quote. */
function openEnclaveEvidence(bytes: Uint8Array): Evidence {
  const reader = new Reader(bytes, 'evidence', 'little');
  reader.take(sgxSignatureOffset);
  reader.take(reader.u32());
  const [quote, claims] = [bytes.subarray(0, reader.offset), bytes.subarray(reader.offset)];
  insist(quote.length > 0, 'the evidence is empty');
  return claims.length === 0 ? { platform: 'sgx', quote } : { platform: 'sgx', quote, claims };
}
