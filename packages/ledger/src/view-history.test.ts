import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ViewHistory } from './index.ts';

test('a view without entries begins where the next one does', () => {
  const views = new ViewHistory();
  views.begin(2, 1);
  views.begin(4, 10);
  assert.deepEqual(views.toArray(), [1, 1, 10, 10]);
  const at = [0, 1, 9, 10, 99].map((seqno) => views.viewAt(seqno));
  assert.deepEqual(at, [0, 2, 2, 4, 4]);
  assert.deepEqual([views.firstSeqnoOf(2), views.firstSeqnoOf(3), views.firstSeqnoOf(5)], [1, 10, undefined]);
  assert.equal(views.current, 4);
});

test('a rollback forgets the views that began after it', () => {
  const views = new ViewHistory([1, 1, 10, 20]);
  views.rollback(19);
  assert.deepEqual(views.toArray(), [1, 1, 10]);
  views.rollback(10);
  assert.deepEqual(views.toArray(), [1, 1, 10]);
  views.begin(5, 11);
  assert.deepEqual(views.toArray(), [1, 1, 10, 11, 11]);
  assert.deepEqual(views.toArray(10), [1, 1, 10]);
});

test('time does not run backwards', () => {
  assert.throws(() => new ViewHistory([5, 4]), { code: 'InvalidArgument' });
  assert.throws(() => new ViewHistory([5]).begin(2, 4), { code: 'InvalidArgument' });
});
