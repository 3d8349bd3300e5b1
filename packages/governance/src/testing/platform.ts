import { type Claims, vendorRoots, verify, virtualMeasurement } from '@coco/attestation';
import { toBase64 } from '@coco/crypto';
import type { QuoteInfo } from '../index.ts';

/** Evidence of a virtual node: `hostData` and `keyDigest` are 32 bytes, hexadecimal. */
export function virtualEvidence(hostData: string, keyDigest: string): QuoteInfo {
  const report_data = toBase64(Uint8Array.fromHex(keyDigest));
  const statement = { measurement: virtualMeasurement, host_data: hostData, report_data };
  const quote = toBase64(new TextEncoder().encode(JSON.stringify(statement)));
  return { format: 'Insecure_Virtual', quote, endorsements: '' };
}

/** What such evidence says. */
export function virtualClaims(hostData: string): Claims {
  const { quote } = virtualEvidence(hostData, '00'.repeat(32));
  const evidence = { platform: 'virtual', json: Uint8Array.fromBase64(quote) } as const;
  const trust = { roots: vendorRoots, policy: { platforms: ['virtual'] } } as const;
  return verify(evidence, {}, trust, 0).claims;
}
