import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  decodeCbor,
  encodeCbor,
  encodeSign1,
  generateKeyPair,
  parseSign1,
  sha256ByteString,
} from '@coco/crypto';
import fc from 'fast-check';
import { flippedBits } from '../../../tests/vectors/ledger/ccf-wire.ts';
import { SampleService, sampleKeys } from '../../../tests/vectors/ledger/sample-service.ts';
import {
  buildCoseReceipt,
  decodeMerkleProof,
  encodeMerkleProof,
  LedgerError,
  parseCoseSignatureValue,
  singletonKey,
  tables,
  verifyCoseReceipt,
} from './index.ts';

const service = new SampleService(sampleKeys({ service: 'P-256' })).open();
for (let i = 0; i < 9; i++) service.record(`key ${i}`, `value ${i}`);
const signature = service.sign();
const key = service.keys.service.publicKey;

const coseSignature = parseCoseSignatureValue(
  signature.writeSet.get(tables.coseSignatures)!.get(singletonKey)!,
);
const proofOf = (seqno: number) => ({
  leaf: service.entry(seqno),
  path: service.history.proof(seqno, signature.seqno),
});
const receiptOf = (...seqnos: number[]) => buildCoseReceipt(coseSignature, seqnos.map(proofOf));

test('a COSE receipt verifies and says what it proves', () => {
  const verified = verifyCoseReceipt(receiptOf(4), key, { txId: { view: 2, seqno: 4 } });
  assert.deepEqual(verified.txId, { view: 2, seqno: signature.seqno });
  assert.equal(verified.root, service.history.root(signature.seqno));
  assert.deepEqual([verified.issuer, verified.subject], ['service.example.com', 'ledger.signature']);
  assert.equal(verified.transactions[0]?.claimsDigest, sha256ByteString('value 0'));
});

test('one receipt may prove several transactions under one root', () => {
  const { transactions } = verifyCoseReceipt(receiptOf(4, 7, 9), key);
  assert.deepEqual(
    transactions.map(({ txId }) => txId.seqno),
    [4, 7, 9],
  );
});

test('keys on P-384 serve as well', () => {
  const other = new SampleService(sampleKeys({ service: 'P-384' })).open();
  const last = other.sign();
  const cose = parseCoseSignatureValue(last.writeSet.get(tables.coseSignatures)!.get(singletonKey)!);
  const proof = { leaf: other.entry(3), path: other.history.proof(3, last.seqno) };
  assert.ok(verifyCoseReceipt(buildCoseReceipt(cose, [proof]), other.keys.service.publicKey));
});

test('each thing that can be wrong is refused at its step', () => {
  const message = parseSign1(coseSignature);
  const withProofs = (proofs: unknown) =>
    encodeSign1({ ...message, unprotected: new Map([[396, new Map([[-1, proofs as never]])]]) });
  const proof = encodeMerkleProof(proofOf(4));
  const wrongLeaf = encodeMerkleProof({ ...proofOf(4), leaf: service.entry(5) });
  const attached = encodeSign1({ ...parseSign1(receiptOf(4)), payload: new Uint8Array(32) });
  const cases: [string, Uint8Array, string][] = [
    ['no COSE', Uint8Array.of(0xd2), 'shape'],
    ['no proofs', coseSignature, 'shape'],
    ['empty list of proofs', withProofs([]), 'shape'],
    ['too many proofs', withProofs(Array(65).fill(proof)), 'shape'],
    ['proof that is no bytes', withProofs(['proof']), 'shape'],
    ['attached payload', attached, 'shape'],
    ['another leaf', withProofs([wrongLeaf]), 'root-signature'],
    ['proofs of two roots', withProofs([proof, wrongLeaf]), 'proof'],
  ];
  for (const [what, bytes, step] of cases) assert.throws(() => verifyCoseReceipt(bytes, key), { step }, what);
  const stranger = generateKeyPair('P-256').publicKey;
  assert.throws(() => verifyCoseReceipt(receiptOf(4), stranger), { step: 'service-key' });
  const otherClaim = { claimsDigest: sha256ByteString('value 1') };
  assert.throws(() => verifyCoseReceipt(receiptOf(4), key, otherClaim), { step: 'claims' });
  assert.throws(() => verifyCoseReceipt(receiptOf(4), key, { txId: { view: 2, seqno: 5 } }), {
    step: 'transaction-id',
  });
});

test('Merkle proofs in another shape are refused', () => {
  const good = proofOf(4);
  assert.deepEqual(decodeMerkleProof(encodeMerkleProof(good)).path, good.path);
  const [digest, step] = [new Uint8Array(32), [true, new Uint8Array(32)]];
  const shapes: [unknown, unknown][] = [
    [[digest, 'ce'], [step]],
    [[digest, '', digest], [step]],
    [[digest, 'c'.repeat(1025), digest], [step]],
    [[digest, digest, digest], [step]],
    [[digest.slice(1), 'ce', digest], [step]],
    [[digest, 'ce', digest], [[1, digest]]],
    [[digest, 'ce', digest], [[true, digest.slice(1)]]],
    [[digest, 'ce', digest], [[true, digest, 1]]],
    [[digest, 'ce', digest], Array(54).fill(step)],
  ];
  for (const [leaf, path] of shapes) {
    const bytes = encodeCbor(
      new Map([
        [1, leaf],
        [2, path],
      ]) as never,
    );
    assert.throws(() => decodeMerkleProof(bytes), { code: 'MalformedReceipt', step: 'shape' });
  }
  assert.throws(() => decodeMerkleProof(encodeCbor(new Map([[1, []]]) as never)), { step: 'shape' });
});

test('no COSE receipt verifies with a bit flipped', () => {
  for (const { bytes, bit } of flippedBits(receiptOf(4))) {
    assert.throws(() => verifyCoseReceipt(bytes, key), LedgerError, `bit ${bit}`);
  }
});

test('hostile bytes are refused with a LedgerError', () => {
  const receipt = receiptOf(4);
  const hostile = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc
      .array(fc.tuple(fc.nat(receipt.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 })
      .map((changes) => changes.reduce((copy, [at, byte]) => copy.with(at, byte), Uint8Array.from(receipt)))
      .filter((bytes) => Buffer.compare(bytes, receipt) !== 0),
    fc.nat(receipt.length - 1).map((length) => receipt.slice(0, length)),
  );
  fc.assert(
    fc.property(hostile, (bytes) => {
      assert.throws(() => verifyCoseReceipt(bytes, key), LedgerError);
    }),
    { numRuns: 500 },
  );
  assert.throws(() => decodeCbor(Uint8Array.of(0xff)));
});
