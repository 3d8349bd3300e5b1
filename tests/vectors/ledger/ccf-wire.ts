import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fromBase64, type PublicKey, parseCertificate, sha256ByteString } from '@coco/crypto';
import { type ByteString, utf8ToByteString } from '@coco/kv';
import type { Receipt } from '@coco/ledger';

/* Receipts and COSE signatures recorded from running CCF nodes, which may lie beside the checkout. */
const wire = join(import.meta.dirname, '../../../../shared/data/ccf-wire');
const folders = ['cpp_logging', 'js', 'extra'];

/** Skips the test, saying so, when the recordings are not there. */
export function recordingsPresent(t: TestContext): boolean {
  if (existsSync(wire)) return true;
  t.skip('recorded CCF traffic (shared/data/ccf-wire) is not present');
  return false;
}

/** Body of a recorded HTTP response. */
function bodyOf(folder: string, name: string): Buffer {
  const response = readFileSync(join(wire, folder, name));
  return response.subarray(response.indexOf('\r\n\r\n') + 4);
}

/** A receipt with what it takes to verify it. */
export interface RecordedReceipt {
  readonly name: string;
  readonly receipt: Receipt;
  readonly serviceCert: string;
  readonly claimsDigest: ByteString | undefined;
}

/** Every JSON receipt among the recordings. */
export function recordedReceipts(): RecordedReceipt[] {
  return folders.flatMap((folder) => {
    const serviceCert = readFileSync(join(wire, folder, 'service_cert.pem'), 'utf8');
    const responses = readdirSync(join(wire, folder)).filter((name) => name.endsWith('.res'));
    return responses.flatMap((name) => {
      const body = bodyOf(folder, name).toString('utf8');
      if (!body.startsWith('{') || !body.includes('"proof"')) return [];
      const json = JSON.parse(body) as { receipt?: Receipt; msg?: string } & Receipt;
      const receipt = json.receipt ?? json;
      // The C++ sample leaves the claim out of the receipt and discloses it beside: the message itself.
      const disclosed = receipt.leaf_components !== undefined && !receipt.leaf_components.claims_digest;
      const claimsDigest = disclosed ? sha256ByteString(utf8ToByteString(json.msg ?? '')) : undefined;
      return [{ name: `${folder}/${name}`, receipt, serviceCert, claimsDigest }];
    });
  });
}

/** A COSE signature, the Merkle proof of a transaction under it, and what that transaction claims. */
export interface RecordedCose {
  readonly signature: Uint8Array;
  readonly proof: Uint8Array;
  readonly claim: ByteString;
  readonly serviceKey: PublicKey;
}

/** The COSE recordings, which are of one transaction. */
export function recordedCose(): RecordedCose {
  const { cose_signature: signature } = JSON.parse(
    bodyOf('cpp_logging', 'cpp_cose_signature_claim.res').toString('utf8'),
  );
  return {
    signature: fromBase64(signature),
    proof: Uint8Array.from(bodyOf('cpp_logging', 'cpp_cbor_merkle_proof_claim_first.res')),
    claim: sha256ByteString('public with claim'),
    serviceKey: parseCertificate(readFileSync(join(wire, 'cpp_logging', 'service_cert.pem'), 'utf8'))
      .publicKey,
  };
}

/** The bytes with one bit flipped: bits `first`, `first` + `stride`, ... in turn. */
export function* flippedBits(
  bytes: Uint8Array,
  stride = 1,
  first = 0,
): Generator<{ bytes: Uint8Array; bit: number }> {
  for (let bit = first; bit < bytes.length * 8; bit += stride) {
    const flipped = Uint8Array.from(bytes);
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    yield { bytes: flipped, bit };
  }
}

/** What is still JSON of the receipt after one bit of its text was flipped. */
export function* flippedJson(
  receipt: Receipt,
  stride = 1,
  first = 0,
): Generator<{ json: unknown; near: string }> {
  for (const { bytes, bit } of flippedBits(Buffer.from(JSON.stringify(receipt)), stride, first)) {
    const text = Buffer.from(bytes).toString('utf8');
    try {
      yield {
        json: JSON.parse(text),
        near: `bit ${bit}: ${text.slice(Math.max(0, bit / 8 - 20), bit / 8 + 20)}`,
      };
    } catch {
      // Not JSON any more: no parser would have let it through.
    }
  }
}
