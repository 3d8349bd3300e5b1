import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Entry, emptyJoiner } from './index.ts';
import { Log, weightOf } from './log.ts';

const entryOf = (view: number, seqno: number, committable: boolean): Entry => ({
  view,
  seqno,
  committable,
  bytes: new Uint8Array(seqno % 7),
});

type Operation =
  | { readonly kind: 'append'; readonly committable: boolean; readonly newView: boolean }
  | { readonly kind: 'truncate'; readonly fraction: number }
  | { readonly kind: 'commit'; readonly fraction: number }
  | { readonly kind: 'flush'; readonly count: number }
  | { readonly kind: 'evict'; readonly bytes: number };

const operations = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('append' as const),
        committable: fc.boolean(),
        newView: fc.boolean(),
      }),
    },
    fc.record({
      kind: fc.constantFrom('truncate' as const, 'commit' as const),
      fraction: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
    fc.record({ kind: fc.constant('flush' as const), count: fc.nat(5) }),
    fc.record({ kind: fc.constant('evict' as const), bytes: fc.nat(500) }),
  ),
  { maxLength: 60 },
);

/** The log beside a plain array, and a disk that carries out writes in order, some time later. */
class Model {
  readonly log = new Log(emptyJoiner);
  readonly entries: Entry[] = [];
  readonly disk: Entry[] = [];
  commit = 0;
  view = 2;
  readonly #writes: ({ readonly append: Entry; readonly token: number } | { readonly truncate: number })[] =
    [];

  run(operation: Operation): void {
    if (operation.kind === 'append') {
      if (operation.newView) this.view++;
      const entry = entryOf(this.view, this.entries.length + 1, operation.committable);
      this.entries.push(entry);
      this.log.append(entry);
      this.#writes.push({ append: entry, token: this.log.token });
    } else if (operation.kind === 'truncate') {
      const to = this.commit + Math.floor(operation.fraction * (this.entries.length - this.commit));
      if (to === this.entries.length) return;
      this.entries.length = to;
      this.log.truncate(to);
      this.#writes.push({ truncate: to });
    } else if (operation.kind === 'commit') {
      const upTo = this.commit + Math.floor(operation.fraction * (this.entries.length - this.commit));
      const seqno = this.log.committableUpTo(upTo);
      if (seqno > this.commit) this.log.commitTo(seqno);
      this.commit = seqno;
    } else if (operation.kind === 'flush') this.#flush(operation.count);
    else this.log.evict(operation.bytes);
  }

  #flush(count: number): void {
    for (const write of this.#writes.splice(0, count)) {
      if ('truncate' in write) this.disk.length = Math.min(this.disk.length, write.truncate);
      else {
        this.disk.push(write.append);
        this.log.appended(write.append.seqno, write.token);
      }
    }
  }
}

test('the log answers as a plain array would, and never calls durable what the disk lacks', () => {
  fc.assert(
    fc.property(operations, (list) => {
      const model = new Model();
      for (const operation of list) {
        model.run(operation);
        const { log, entries, disk, commit } = model;
        assert.equal(log.last, entries.length);
        assert.equal(log.commit, commit);
        const pending = entries.filter((entry) => entry.seqno > commit);
        assert.deepEqual(
          log.committable,
          pending.filter((entry) => entry.committable).map(({ seqno }) => seqno),
        );
        assert.equal(
          log.uncommittedBytes,
          pending.reduce((sum, entry) => sum + weightOf(entry), 0),
        );
        for (const entry of entries) assert.equal(log.viewAt(entry.seqno), entry.view);
        assert.deepEqual(disk.slice(0, log.durable), entries.slice(0, log.durable));
        const bounds = { entriesMax: 1, bytesMax: 0 };
        for (let seqno = log.first; seqno <= log.last; seqno++) {
          assert.deepEqual(log.slice(seqno, bounds), [entries[seqno - 1]]);
        }
      }
    }),
    { numRuns: 300 },
  );
});

test('when the disk has answered for everything, everything is durable', () => {
  fc.assert(
    fc.property(operations, (list) => {
      const model = new Model();
      for (const operation of list) model.run(operation);
      model.run({ kind: 'append', committable: true, newView: false });
      model.run({ kind: 'flush', count: 1_000 });
      assert.equal(model.log.durable, model.log.last);
      model.run({ kind: 'commit', fraction: 1 });
      model.run({ kind: 'evict', bytes: 0 });
      assert.equal(model.log.bytesInMemory, 0);
    }),
    { numRuns: 200 },
  );
});

test('a slice is of one view and within its bounds, but never empty', () => {
  const log = new Log(emptyJoiner);
  for (const [at, view] of [2, 2, 2, 3, 3].entries()) log.append(entryOf(view, at + 1, true));
  const seqnos = (from: number, entriesMax: number, bytesMax: number) =>
    log.slice(from, { entriesMax, bytesMax }).map(({ seqno }) => seqno);
  assert.deepEqual(seqnos(1, 100, 10_000), [1, 2, 3]);
  assert.deepEqual(seqnos(4, 100, 10_000), [4, 5]);
  assert.deepEqual(seqnos(1, 2, 10_000), [1, 2]);
  assert.deepEqual(seqnos(1, 100, 1), [1]);
  assert.deepEqual(seqnos(6, 100, 1), []);
});
