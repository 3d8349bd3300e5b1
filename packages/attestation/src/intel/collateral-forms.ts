import { type Certificate, decodePem, fromHex } from '@coco/crypto';
import { insist, refuse } from '../errors.ts';
import type { Collateral } from '../evidence.ts';
import { hexAt, parseJsonObject, textAt } from '../json.ts';
import { Reader } from '../reader.ts';

/** Collateral as one JSON object: signed texts as text, signatures and lists hexadecimal, chains PEM. */
export function collateralFromJson(bytes: Uint8Array): Collateral {
  const what = 'collateral';
  const json = parseJsonObject(new TextDecoder().decode(bytes), what);
  return {
    tcbInfo: textAt(json, 'tcb_info', what),
    tcbInfoSignature: hexAt(json, 'tcb_info_signature', 64, what),
    tcbInfoIssuerChain: textAt(json, 'tcb_info_issuer_chain', what),
    qeIdentity: textAt(json, 'qe_identity', what),
    qeIdentitySignature: hexAt(json, 'qe_identity_signature', 64, what),
    qeIdentityIssuerChain: textAt(json, 'qe_identity_issuer_chain', what),
    rootCaCrl: fromHex(textAt(json, 'root_ca_crl', what)),
    pckCrl: fromHex(textAt(json, 'pck_crl', what)),
  };
}

/**
 * The signed text inside `{"tcbInfo":{...},"signature":"..."}`, as Intel's service gives it. The signature is
 * over these very characters, so they are cut out and not written again.
 */
export function signedStatement(
  bytes: Uint8Array,
  key: 'tcbInfo' | 'enclaveIdentity',
): { readonly text: string; readonly signature: Uint8Array } {
  const whole = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  const json = parseJsonObject(whole, key);
  const start = whole.indexOf(`"${key}"`);
  const from = whole.indexOf('{', start);
  const to = whole.lastIndexOf('}', whole.lastIndexOf('"signature"'));
  insist(start > 0 && from > start && to > from, `"${key}" does not come before its signature`);
  return { text: whole.slice(from, to + 1), signature: hexAt(json, 'signature', 64, key) };
}

const openEnclaveParts = 9;

/** Open Enclave's container of endorsements: offsets, then nine texts that each end in a zero byte. */
export function collateralFromOpenEnclave(bytes: Uint8Array): Collateral {
  const reader = new Reader(bytes, 'endorsements', 'little');
  const [version, type] = [reader.u32(), reader.u32()];
  reader.u32();
  const count = reader.u32();
  insist(
    version === 1 && type === 2 && count === openEnclaveParts,
    'the endorsements are of an unknown form',
  );
  const offsets = Array.from({ length: count }, () => reader.u32());
  const body = reader.rest();
  const part = (index: number): string => {
    const [from, to] = [offsets[index] ?? 0, offsets[index + 1] ?? body.length];
    insist(from <= to && to <= body.length, 'the endorsements are cut short');
    return new TextDecoder('latin1').decode(body.subarray(from, to)).replace(/\0$/, '');
  };
  const tcb = signedStatement(new TextEncoder().encode(part(1)), 'tcbInfo');
  const qe = signedStatement(new TextEncoder().encode(part(6)), 'enclaveIdentity');
  return {
    tcbInfo: tcb.text,
    tcbInfoSignature: tcb.signature,
    tcbInfoIssuerChain: part(2),
    qeIdentity: qe.text,
    qeIdentitySignature: qe.signature,
    qeIdentityIssuerChain: part(7),
    rootCaCrl: onlyBlock(part(4)),
    pckCrl: onlyBlock(part(3)),
  };
}

function onlyBlock(pem: string): Uint8Array {
  return decodePem(pem)[0]?.der ?? refuse('there is no PEM block');
}

/** A chain as PEM, from the leaf up: some tools write the root first. */
export function pemChain(certificates: readonly Certificate[]): string {
  const leaf = certificates.find(({ subject }) => certificates.every(({ issuer }) => issuer !== subject));
  return pathFrom(leaf ?? certificates[0] ?? refuse('there are no certificates'), certificates)
    .map(({ pem }) => pem)
    .join('\n');
}

/** The path from a leaf up through `pool`, by the names of issuers, as far as it goes. */
export function pathFrom(leaf: Certificate, pool: readonly Certificate[]): Certificate[] {
  const path = [leaf];
  while (path.length < 8) {
    const last = path.at(-1)!;
    if (last.issuer === last.subject) break;
    const next = pool.find(({ subject, der }) => subject === last.issuer && der !== last.der);
    if (next === undefined) break;
    path.push(next);
  }
  return path;
}
