import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generateKeyPair, sha256ByteString } from '@coco/crypto';
import fc from 'fast-check';
import {
  buildServiceEndorsement,
  decodeEndorsementRecord,
  encodeEndorsementRecord,
  LedgerError,
  serviceKeyAt,
  verifyEndorsementChain,
  verifyServiceEndorsement,
} from './index.ts';

const [first, second, third] = [generateKeyPair('P-256'), generateKeyPair('P-384'), generateKeyPair('P-256')];
const root = sha256ByteString('root');
const firstEpoch = {
  endorsedKey: first.publicKey,
  from: { view: 2, seqno: 1 },
  to: { view: 2, seqno: 100 },
  lastRoot: root,
};
const secondEpoch = {
  endorsedKey: second.publicKey,
  from: { view: 4, seqno: 101 },
  to: { view: 5, seqno: 250 },
};
const own = buildServiceEndorsement({ endorsedKey: first.publicKey, from: firstEpoch.from }, first, 10);
const firstBySecond = buildServiceEndorsement(firstEpoch, second, 20);
const secondByThird = buildServiceEndorsement(secondEpoch, third, 30);

test('an endorsement says which key served when', () => {
  const { endorsedKey, ...span } = verifyServiceEndorsement(firstBySecond, second.publicKey);
  assert.equal(endorsedKey.id, first.publicKey.id);
  assert.deepEqual(span, { issuedAtSeconds: 20, from: firstEpoch.from, to: firstEpoch.to, lastRoot: root });
});

test('a chain leads back to the first service, which endorsed itself', () => {
  const chain = verifyEndorsementChain([secondByThird, firstBySecond, own], third.publicKey);
  assert.deepEqual(
    chain.map(({ from }) => from.seqno),
    [101, 1, 1],
  );
  const keyAt = (seqno: number) => serviceKeyAt(seqno, chain, third.publicKey).id;
  const ids = [1, 100, 101, 250, 251].map(keyAt);
  const expected = [first, first, second, second, third].map((key) => key.publicKey.id);
  assert.deepEqual(ids, expected);
  assert.equal(verifyEndorsementChain([own], first.publicKey).length, 1);
  assert.equal(serviceKeyAt(7, [], third.publicKey), third.publicKey);
});

test('chains that do not hold together are refused', () => {
  const refused = (endorsements: Uint8Array[], step: string) =>
    assert.throws(() => verifyEndorsementChain(endorsements, third.publicKey), { step });
  refused([firstBySecond], 'service-endorsement');
  refused([secondByThird, own], 'service-endorsement');
  const early = { ...firstEpoch, to: { view: 2, seqno: 99 } };
  refused([secondByThird, buildServiceEndorsement(early, second, 20)], 'epoch');
  const wrongView = { ...firstEpoch, to: { view: 3, seqno: 100 } };
  refused([secondByThird, buildServiceEndorsement(wrongView, second, 20)], 'epoch');
  const endless = { endorsedKey: first.publicKey, from: firstEpoch.from };
  refused([secondByThird, buildServiceEndorsement(endless, second, 20)], 'epoch');
  const backwards = { ...secondEpoch, to: { view: 5, seqno: 50 } };
  refused([buildServiceEndorsement(backwards, third, 20)], 'epoch');
  const gap = verifyEndorsementChain([secondByThird], third.publicKey);
  assert.throws(() => serviceKeyAt(50, gap, third.publicKey), { step: 'epoch' });
});

test('bytes that are no endorsement by this key are refused with a LedgerError', () => {
  const hostile = fc.oneof(
    fc.uint8Array({ maxLength: 100 }),
    fc.nat(firstBySecond.length * 8 - 1).map((bit) => {
      const bytes = Uint8Array.from(firstBySecond);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      return bytes;
    }),
  );
  fc.assert(
    fc.property(hostile, (bytes) => {
      assert.throws(() => verifyServiceEndorsement(bytes, second.publicKey), LedgerError);
    }),
    { numRuns: 300 },
  );
});

test('records are read as they were written', () => {
  const record = {
    endorsement: firstBySecond,
    endorsingKey: second.publicKey.spki,
    from: firstEpoch.from,
    to: firstEpoch.to,
    previousVersion: 7,
  };
  const read = decodeEndorsementRecord(encodeEndorsementRecord(record));
  assert.deepEqual([read.from, read.to, read.previousVersion], [record.from, record.to, 7]);
  assert.ok(verifyServiceEndorsement(read.endorsement, second.publicKey));
  for (const value of [
    '',
    '3',
    '{}',
    '{"endorsement":"!"}',
    '{"endorsement":"AA==","endorsing_key":"AA=="}',
  ]) {
    assert.throws(() => decodeEndorsementRecord(value), LedgerError, value);
  }
});
