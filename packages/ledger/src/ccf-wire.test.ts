import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toHex } from '@coco/crypto';
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
  encodeMerkleProof,
  LedgerError,
  noClaims,
  parseTxId,
  rootFromProof,
  verifyCoseReceipt,
  verifyReceipt,
} from './index.ts';

test('every JSON receipt of a real CCF node verifies', (t) => {
  if (!recordingsPresent(t)) return;
  const recorded = recordedReceipts();
  for (const { name, receipt, serviceCert, claimsDigest } of recorded) {
    const verified = verifyReceipt(receipt, serviceCert, { claimsDigest });
    assert.equal(verified.nodeId, receipt.node_id);
    if (verified.kind === 'transaction') {
      const { view, seqno } = verified.txId;
      assert.equal(verified.claimsDigest, claimsDigest ?? noClaims, name);
      assert.ok(receipt.leaf_components!.commit_evidence.startsWith(`ce:${view}.${seqno}:`), name);
    } else {
      assert.ok(receipt.leaf !== undefined, name);
    }
  }
  const signatures = recorded.filter(({ receipt }) => receipt.leaf !== undefined).length;
  t.diagnostic(`${recorded.length} receipts, ${signatures} of signatures`);
  assert.ok(recorded.length >= 6 && signatures >= 1);
});

test('a receipt of a real CCF node is refused under the certificate of another service', (t) => {
  if (!recordingsPresent(t)) return;
  const recorded = recordedReceipts();
  for (const { name, receipt, claimsDigest, serviceCert } of recorded) {
    const foreign = recorded.find((other) => other.serviceCert !== serviceCert)!.serviceCert;
    const refused = { code: 'VerificationFailed', step: 'node-certificate' };
    assert.throws(() => verifyReceipt(receipt, foreign, { claimsDigest }), refused, name);
  }
});

// Every bit is flipped in ccf-wire.slow.test.ts.
test('no JSON receipt of a real CCF node verifies with a bit flipped (sample)', (t) => {
  if (!recordingsPresent(t)) return;
  let refused = 0;
  for (const [i, { name, receipt, serviceCert, claimsDigest }] of recordedReceipts().entries()) {
    for (const { json, near } of flippedJson(receipt, 101, i)) {
      assert.throws(
        () => verifyReceipt(json, serviceCert, { claimsDigest }),
        LedgerError,
        `${name}, ${near}`,
      );
      refused++;
    }
  }
  t.diagnostic(`${refused} mutated receipts, all refused`);
  assert.ok(refused > 100);
});

test('a real COSE signature and Merkle proof make a COSE receipt that verifies', (t) => {
  if (!recordingsPresent(t)) return;
  const { signature, proof, claim, serviceKey } = recordedCose();
  const receipt = buildCoseReceipt(signature, [decodeMerkleProof(proof)]);
  const expected = { claimsDigest: claim, txId: parseTxId('2.18') };
  const verified = verifyCoseReceipt(receipt, serviceKey, expected);
  assert.deepEqual(verified.txId, { view: 2, seqno: 19 });
  assert.equal(verified.issuer, 'service.example.com');
  assert.equal(verified.subject, 'ledger.signature');
  assert.deepEqual(verified.transactions[0]?.txId, { view: 2, seqno: 18 });
});

test('the CBOR Merkle proof of a real node is what this encoder writes, and leads to the same root', (t) => {
  if (!recordingsPresent(t)) return;
  const { proof } = recordedCose();
  const decoded = decodeMerkleProof(proof);
  assert.equal(toHex(encodeMerkleProof(decoded)), toHex(proof));
  const json = recordedReceipts().find(({ name }) => name.includes('cpp_historical_receipt_claim'))!;
  const { claimsDigest } = json;
  const verified = verifyReceipt(json.receipt, json.serviceCert, { claimsDigest });
  assert.ok(verified.kind === 'transaction');
  assert.equal(rootFromProof(verified.leaf, decoded.path), verified.root);
});

test('no real COSE receipt verifies with a bit flipped (sample)', (t) => {
  if (!recordingsPresent(t)) return;
  const { signature, proof, claim, serviceKey } = recordedCose();
  const receipt = buildCoseReceipt(signature, [decodeMerkleProof(proof)]);
  for (const { bytes, bit } of flippedBits(receipt, 7)) {
    const verify = () => verifyCoseReceipt(bytes, serviceKey, { claimsDigest: claim });
    assert.throws(verify, LedgerError, `bit ${bit}`);
  }
});
