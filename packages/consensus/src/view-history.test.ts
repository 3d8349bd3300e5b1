import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ViewHistory } from './view-history.ts';

/** A log as the plain list of the views of its entries. */
const logs = fc
  .array(fc.integer({ min: 1, max: 6 }), { maxLength: 30 })
  .map((views) => views.sort((a, b) => a - b));

function historyOf(views: readonly number[]): ViewHistory {
  const history = new ViewHistory();
  for (const [at, view] of views.entries()) history.note(view, at + 1);
  return history;
}

test('the history knows the view of every seqno, and where views begin', () => {
  fc.assert(
    fc.property(logs, (views) => {
      const history = historyOf(views);
      for (const [at, view] of views.entries()) assert.equal(history.viewAt(at + 1), view);
      assert.equal(history.viewAt(0), 0);
      for (const view of [1, 2, 3, 4, 5, 6]) {
        const first = views.indexOf(view);
        assert.equal(history.startOf(view), first < 0 ? null : first + 1);
      }
    }),
  );
});

test('truncation leaves the history of what is left', () => {
  fc.assert(
    fc.property(logs, fc.nat(30), (views, length) => {
      const history = historyOf(views);
      history.truncate(length);
      assert.deepEqual(history.upTo(100), historyOf(views.slice(0, length)).upTo(100));
    }),
  );
});

test('the highest possible match is never below where two logs part, and is reached in a few steps', () => {
  fc.assert(
    fc.property(logs, logs, (mine, theirs) => {
      const [a, b] = [historyOf(mine), historyOf(theirs)];
      // Logs agree up to the last place at which they have the same view: that is what leaders guarantee.
      let agreed = 0;
      while (agreed < mine.length && mine[agreed] === theirs[agreed]) agreed++;
      let place = { seqno: theirs.length, view: b.viewAt(theirs.length) };
      let steps = 0;
      for (let seqno = -1; seqno !== place.seqno; steps++) {
        seqno = place.seqno;
        const here = a.highestPossibleMatch(place, mine.length);
        assert.ok(here >= agreed, `${here} is below ${agreed}`);
        const there = b.highestPossibleMatch({ seqno: here, view: a.viewAt(here) }, theirs.length);
        place = { seqno: there, view: b.viewAt(there) };
      }
      assert.ok(steps <= 8, `${steps} steps for six views`);
    }),
  );
});
