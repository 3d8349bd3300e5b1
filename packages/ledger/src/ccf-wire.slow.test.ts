import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  flippedBits,
  flippedJson,
  recordedCose,
  recordedReceipts,
  recordingsPresent,
} from '../../../tests/vectors/ledger/ccf-wire.ts';
import {
  buildCoseReceipt,
  decodeMerkleProof,
  LedgerError,
  verifyCoseReceipt,
  verifyReceipt,
} from './index.ts';

test('no JSON receipt of a real CCF node verifies with any one bit flipped', (t) => {
  if (!recordingsPresent(t)) return;
  let refused = 0;
  for (const { name, receipt, serviceCert, claimsDigest } of recordedReceipts()) {
    for (const { json, near } of flippedJson(receipt)) {
      assert.throws(
        () => verifyReceipt(json, serviceCert, { claimsDigest }),
        LedgerError,
        `${name}, ${near}`,
      );
      refused++;
    }
  }
  t.diagnostic(`${refused} mutated receipts that are still JSON, all refused`);
  assert.ok(refused > 10_000);
});

test('no real COSE receipt verifies with any one bit flipped, whether or not the claim is known', (t) => {
  if (!recordingsPresent(t)) return;
  const { signature, proof, claim, serviceKey } = recordedCose();
  const receipt = buildCoseReceipt(signature, [decodeMerkleProof(proof)]);
  for (const { bytes, bit } of flippedBits(receipt)) {
    const known = () => verifyCoseReceipt(bytes, serviceKey, { claimsDigest: claim });
    assert.throws(known, LedgerError, `bit ${bit}`);
    assert.throws(() => verifyCoseReceipt(bytes, serviceKey), LedgerError, `bit ${bit}`);
  }
});
