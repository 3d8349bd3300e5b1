import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Receipt } from '@coco/ledger';
import { type Answer, json } from './frontend/answer.ts';
import { Waiting } from './waiting.ts';

const leaf = { writeSetDigest: 'w', commitEvidence: 'ce:2.5:x', claimsDigest: 'c' };
const receipt = { signature: 'sig', node_id: 'n', cert: 'pem', proof: [] } as Receipt;

function waiting() {
  const released: { id: number; answer: Answer }[] = [];
  const all = new Waiting((id, answer) => released.push({ id, answer }));
  const add = (seqno: number, more: { leaf?: typeof leaf; deadline?: number } = {}): boolean =>
    all.add({
      requestId: seqno,
      seqno,
      txId: `2.${seqno}`,
      answer: json(true),
      leaf: more.leaf ?? null,
      deadline: more.deadline ?? 1000,
    });
  const headersOf = (id: number): Record<string, string> =>
    Object.fromEntries(released.find((each) => each.id === id)?.answer.headers ?? []);
  return { all, add, released, headersOf };
}

describe('answers that wait for their commit', () => {
  test('leave once each, when everything up to them is committed', () => {
    const { all, add, released, headersOf } = waiting();
    add(5);
    add(6);
    add(9);
    all.committed(6);
    all.committed(6);
    assert.deepEqual(
      released.map(({ id }) => id),
      [5, 6],
    );
    assert.equal(headersOf(5)['coco-transaction-status'], 'Committed');
    assert.equal(headersOf(5)['preference-applied'], 'wait');
    assert.equal(all.size, 1);
  });

  test('carry the receipt they asked for, made by the signature that covers them', () => {
    const { all, add, headersOf } = waiting();
    add(5, { leaf });
    assert.ok(all.wantsReceipts);
    all.signed(5, () => assert.fail('a signature covers what is before it'));
    all.signed(6, (seqno, of) => {
      assert.deepEqual([seqno, of], [5, leaf]);
      return receipt;
    });
    assert.ok(!all.wantsReceipts);
    all.committed(6);
    const text = Buffer.from(headersOf(5)['coco-receipt'] ?? '', 'base64url').toString();
    assert.deepEqual(JSON.parse(text), receipt);
  });

  test('say clearly that a change of primary has lost them', () => {
    const { all, add, released, headersOf } = waiting();
    add(5);
    add(6);
    all.rolledBack(5);
    assert.deepEqual(
      released.map(({ id, answer }) => [id, answer.status]),
      [[6, 503]],
    );
    assert.equal(headersOf(6)['coco-transaction-status'], 'Invalid');
    assert.match(String(released[0]?.answer.body), /TransactionReplicationFailed.*2\.6/);
  });

  test('are given as they stand when the caller has waited long enough', () => {
    const { all, add, released, headersOf } = waiting();
    add(5, { deadline: 100 });
    add(6, { deadline: 200 });
    all.expire(150);
    assert.deepEqual(
      released.map(({ id, answer }) => [id, answer.status]),
      [[5, 200]],
    );
    assert.equal(headersOf(5)['coco-transaction-status'], 'Pending');
  });

  test('are bounded', () => {
    const { add } = waiting();
    for (let i = 1; i <= 10_000; i++) assert.ok(add(i));
    assert.equal(add(10_001), false);
  });
});
