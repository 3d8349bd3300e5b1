import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sha256ByteString } from '@coco/crypto';
import type { ByteString } from '@coco/kv';
import fc from 'fast-check';
import { rootPreimageFromProof } from './history.ts';
import { History, LedgerError, rootFromProof } from './index.ts';

const leafAt = (i: number): ByteString => sha256ByteString(`leaf ${i}`);
const zero = '\0'.repeat(32);
const leavesOf = (size: number): ByteString[] => [
  zero,
  ...Array.from({ length: size - 1 }, (_, i) => leafAt(i + 1)),
];

/** The definition, level by level: pairs are hashed, an odd one out rises. */
function slowRoot(leaves: readonly ByteString[]): ByteString {
  if (leaves.length === 1) return leaves[0]!;
  const above: ByteString[] = [];
  for (let i = 0; i < leaves.length; i += 2) {
    const right = leaves[i + 1];
    above.push(right === undefined ? leaves[i]! : sha256ByteString(leaves[i]! + right));
  }
  return slowRoot(above);
}

function historyOf(size: number): History {
  const history = new History();
  for (let i = 1; i < size; i++) history.append(leafAt(i));
  return history;
}

const sizes = fc.integer({ min: 1, max: 200 });

test('a new history holds leaf 0, 32 zero bytes', () => {
  const history = new History();
  assert.equal(history.size, 1);
  assert.equal(history.root(), zero);
  assert.throws(() => history.rootPreimage(), { code: 'NotRetained' });
});

test('roots, now and of earlier sizes, are those of the rebuilt tree', () => {
  const history = historyOf(70);
  for (let size = 1; size <= 70; size++)
    assert.equal(history.root(size), slowRoot(leavesOf(size)), `${size}`);
});

test('the root is the digest of its preimage', () => {
  const history = new History();
  for (let i = 1; i < 70; i++) {
    history.append(leafAt(i));
    assert.equal(sha256ByteString(history.rootPreimage()), history.root());
  }
});

test('every proof, in trees of every size up to the current one, leads to that root', () => {
  const history = historyOf(40);
  for (let size = 1; size <= 40; size++) {
    for (let i = 0; i < size; i++) {
      const proof = history.proof(i, size);
      assert.equal(rootFromProof(history.leaf(i), proof), history.root(size), `${i} of ${size}`);
      const preimage = rootPreimageFromProof(history.leaf(i), proof);
      assert.equal(preimage === undefined ? history.leaf(i) : sha256ByteString(preimage), history.root(size));
    }
  }
});

test('truncated histories go on as if the forgotten leaves had never been', () => {
  fc.assert(
    fc.property(sizes, sizes, sizes, (a, b, more) => {
      const [full, kept] = [Math.max(a, b), Math.min(a, b)];
      const history = historyOf(full);
      history.truncate(kept);
      assert.equal(history.root(), slowRoot(leavesOf(kept)));
      const fresh = historyOf(kept);
      for (let i = 0; i < more; i++) {
        history.append(leafAt(1000 + i));
        fresh.append(leafAt(1000 + i));
      }
      assert.equal(history.root(), fresh.root());
      assert.deepEqual(history.proof(kept - 1), fresh.proof(kept - 1));
    }),
    { numRuns: 50 },
  );
});

test('a flushed history has the roots and the proofs of one that was not, for what it keeps', () => {
  fc.assert(
    fc.property(sizes, sizes, sizes, (size, upTo, more) => {
      const whole = historyOf(size);
      const flushed = historyOf(size);
      flushed.flush(upTo);
      assert.equal(flushed.flushed, Math.min(upTo, size - 1));
      for (let i = 0; i < more; i++) {
        whole.append(leafAt(size + i));
        flushed.append(leafAt(size + i));
      }
      for (let part = flushed.flushed + 1; part <= whole.size; part += 13) {
        assert.equal(flushed.root(part), whole.root(part));
        assert.deepEqual(flushed.proof(part - 1, part), whole.proof(part - 1, part));
        assert.deepEqual(flushed.proof(flushed.flushed, part), whole.proof(flushed.flushed, part));
      }
      if (flushed.flushed > 0)
        assert.throws(() => flushed.proof(flushed.flushed - 1), { code: 'NotRetained' });
      const kept = flushed.flushed + 1;
      flushed.truncate(kept);
      assert.equal(flushed.root(), whole.root(kept));
    }),
    { numRuns: 50 },
  );
});

test('a serialised history comes back as the same, from any leaf that is kept', () => {
  fc.assert(
    fc.property(sizes, sizes, sizes, (size, flush, from) => {
      const history = historyOf(size);
      history.flush(flush);
      const start = Math.min(size - 1, Math.max(from, history.flushed));
      const restored = History.deserialize(history.serialize(start));
      assert.equal(restored.size, size);
      assert.equal(restored.flushed, start);
      assert.equal(restored.root(), history.root());
      assert.deepEqual(restored.serialize(), history.serialize(start));
      assert.deepEqual(restored.proof(size - 1), history.proof(size - 1));
      for (let i = 0; i < 20; i++) {
        history.append(leafAt(size + i));
        restored.append(leafAt(size + i));
        assert.equal(restored.root(), history.root());
      }
    }),
    { numRuns: 50 },
  );
});

test('hostile bytes make either a tree or a LedgerError', () => {
  const good = historyOf(11).serialize(5);
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.tuple(fc.nat(good.length - 1), fc.nat(255)).map(([at, byte]) => Uint8Array.from(good).with(at, byte)),
    fc.nat(good.length).map((length) => good.slice(0, length)),
  );
  fc.assert(
    fc.property(bytes, (input) => {
      try {
        History.deserialize(input).root();
      } catch (error) {
        assert.ok(error instanceof LedgerError, String(error));
      }
    }),
    { numRuns: 300 },
  );
});

test('a leaf that is not 32 bytes is refused', () => {
  assert.throws(() => new History().append('short'), { code: 'InvalidArgument' });
});

test('a branch goes on by itself, from any size, with the same roots and proofs', () => {
  for (let size = 1; size <= 20; size++) {
    const whole = new History();
    for (let n = 1; n < 20; n++) whole.append(leafAt(n));
    whole.flush(Math.max(0, size - 3));
    const branch = whole.branch(size);
    assert.equal(branch.size, size);
    for (let n = size; n < 24; n++) {
      assert.equal(branch.root(), n <= 20 ? whole.root(n) : branch.root());
      if (n <= 20) assert.deepEqual(branch.proof(n - 1), whole.proof(n - 1, n));
      branch.append(leafAt(n));
    }
    assert.equal(whole.size, 20, 'the tree it was taken from is as it was');
  }
});
