import { fromBase64, toBase64 } from '@coco/crypto';
import { insist } from '../errors.ts';
import type { Evidence, PcrValue, TpmQuote } from '../evidence.ts';
import { asObject, type JsonObject, listAt, parseJsonObject, textAt, wholeAt } from '../json.ts';

/** Evidence of a TPM as one JSON text, all bytes base64: how it stands in a node's record. */
export function tpmEvidenceToJson(evidence: Extract<Evidence, { platform: 'tpm' | 'azure-vm' }>): string {
  const quote = quoteToJson(evidence.quote);
  if (evidence.platform === 'tpm') {
    const { attestationKey, enclaveReport } = evidence;
    return JSON.stringify({ ...quote, attestationKey: toBase64(attestationKey), ...some({ enclaveReport }) });
  }
  const { hclReport, tdQuote } = evidence;
  return JSON.stringify({ ...quote, hclReport: toBase64(hclReport), ...some({ tdQuote }) });
}

/** The other way round; without a paravisor's report it is a TPM of its own. */
export function tpmEvidenceFromJson(bytes: Uint8Array): Extract<Evidence, { platform: 'tpm' | 'azure-vm' }> {
  const what = 'TPM evidence';
  const json = parseJsonObject(new TextDecoder().decode(bytes), what);
  const quote: TpmQuote = {
    attest: bytesAt(json, 'attest'),
    signature: bytesAt(json, 'signature'),
    pcrs: listAt(json, 'pcrs', what).map((one) => pcrFromJson(asObject(one, what))),
    ...optionalBytes(json, 'eventLog'),
  };
  if (Object.hasOwn(json, 'hclReport')) {
    const hclReport = bytesAt(json, 'hclReport');
    return { platform: 'azure-vm', quote, hclReport, ...optionalBytes(json, 'tdQuote') };
  }
  const attestationKey = bytesAt(json, 'attestationKey');
  return { platform: 'tpm', quote, attestationKey, ...optionalBytes(json, 'enclaveReport') };
}

function quoteToJson({ attest, signature, pcrs, eventLog }: TpmQuote): Record<string, unknown> {
  return {
    attest: toBase64(attest),
    signature: toBase64(signature),
    pcrs: pcrs.map(({ bank, index, value }) => ({ bank, index, value: toBase64(value) })),
    ...some({ eventLog }),
  };
}

function some(given: Readonly<Record<string, Uint8Array | undefined>>): Record<string, string> {
  const present = Object.entries(given).filter(
    (entry): entry is [string, Uint8Array] => entry[1] !== undefined,
  );
  return Object.fromEntries(present.map(([name, bytes]) => [name, toBase64(bytes)]));
}

function pcrFromJson(json: JsonObject): PcrValue {
  return {
    bank: wholeAt(json, 'bank', 'register'),
    index: wholeAt(json, 'index', 'register'),
    value: bytesAt(json, 'value'),
  };
}

function bytesAt(json: JsonObject, key: string): Uint8Array {
  return fromBase64(textAt(json, key, 'TPM evidence'));
}

function optionalBytes<K extends string>(json: JsonObject, key: K): { readonly [P in K]?: Uint8Array } {
  if (!Object.hasOwn(json, key)) return {};
  insist(json[key] !== null, `TPM evidence has no bytes "${key}"`);
  return { [key]: bytesAt(json, key) } as { readonly [P in K]?: Uint8Array };
}
