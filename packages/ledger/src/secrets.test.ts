import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeEntry, encodeEntry } from './entry.ts';
import { LedgerSecrets } from './secrets.ts';

const secret = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);

test('a secret that is lost is so until the next one begins, in whatever order they become known', () => {
  const secrets = new LedgerSecrets();
  secrets.add(40, secret(3));
  secrets.lose(20);
  secrets.lose(30);
  secrets.lose(20);
  secrets.add(1, secret(1));
  assert.deepEqual(secrets.lost, [20, 30]);
  const lost = [1, 19, 20, 35, 39, 40, 100].filter((seqno) => secrets.isLost(seqno));
  assert.deepEqual(lost, [20, 35, 39]);
  assert.throws(() => secrets.keyFor(25), { code: 'MissingSecret', message: /seqno 25 is lost/ });
  assert.equal(secrets.latest()?.from, 40);
});

test('an entry whose secret is lost is read without its private part; a wrong secret is still an error', () => {
  const maker = new LedgerSecrets();
  maker.add(20, secret(2));
  const entry = encodeEntry(
    { view: 3, seqno: 21, writeSet: new Map([['public:a', new Map([['k', 'v']])]]) },
    maker,
  );
  const reader = new LedgerSecrets();
  reader.add(1, secret(1));
  assert.throws(() => decodeEntry(entry.bytes, reader), { code: 'DecryptionFailed' });
  reader.lose(20);
  const decoded = decodeEntry(entry.bytes, reader);
  assert.equal(decoded.leaf, entry.leaf);
  assert.equal(decoded.writeSet.get('public:a')?.get('k'), 'v');
});
