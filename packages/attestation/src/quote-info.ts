import { fromBase64, splitPemBundle } from '@coco/crypto';
import { Checklist } from './checklist.ts';
import { insist, refuse } from './errors.ts';
import type { Endorsements, Evidence } from './evidence.ts';
import { collateralFromJson, collateralFromOpenEnclave } from './intel/collateral-forms.ts';
import { Reader } from './reader.ts';
import { tees } from './tees.ts';

/** Evidence as a node sends it to join and as the tables keep it: CCF's `quote_info`. All base64. */
export interface QuoteInfo {
  readonly format: string;
  readonly quote: string;
  readonly endorsements?: string;
  readonly uvm_endorsements?: string;
}

/** Where an SGX quote tells the length of what follows. */
const sgxSignatureOffset = 432;

/** Reads a node's evidence into what `verify` takes. Throws `AttestationError`. */
export function readQuoteInfo(info: QuoteInfo): {
  readonly evidence: Evidence;
  readonly endorsements: Endorsements;
} {
  return new Checklist().run('evidence-shape', () => {
    const quote = fromBase64(info.quote);
    const endorsements = info.endorsements === undefined ? undefined : fromBase64(info.endorsements);
    const given = endorsements !== undefined && endorsements.length > 0;
    switch (info.format) {
      case tees.snp.format:
        return {
          evidence: { platform: 'snp', report: quote },
          endorsements: {
            ...(given ? { certificates: pemCertificates(endorsements) } : {}),
            ...(info.uvm_endorsements ? { uvm: fromBase64(info.uvm_endorsements) } : {}),
          },
        };
      case tees.sgx.format:
        return {
          evidence: openEnclaveEvidence(quote),
          endorsements: given ? { collateral: collateralFromOpenEnclave(endorsements) } : {},
        };
      case tees.tdx.format:
        return {
          evidence: { platform: 'tdx', quote },
          endorsements: given ? { collateral: collateralFromJson(endorsements) } : {},
        };
      case tees.nitro.format:
        return { evidence: { platform: 'nitro', document: quote }, endorsements: {} };
      case tees.virtual.format:
        return { evidence: { platform: 'virtual', json: quote }, endorsements: {} };
      default:
        return refuse(`evidence of format "${info.format}" is not understood`);
    }
  });
}

function pemCertificates(bytes: Uint8Array): readonly Uint8Array[] {
  return splitPemBundle(new TextDecoder('latin1').decode(bytes)).map(({ der }) => der);
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
