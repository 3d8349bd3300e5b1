import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { createEngine, type IndexDeclaration, requiredV8Flags } from '@coco/contracts';
import { indexes, modules } from '@coco/governance';
import { Store, type WriteSet } from '@coco/kv';
import { Application } from '../application.ts';
import type { PastState } from '../historical.ts';
import { limits } from '../limits.ts';
import { Outbox } from '../outbox.ts';
import { Indexer } from './indexer.ts';

for (const flag of requiredV8Flags) setFlagsFromString(flag);
const engine = createEngine();
after(() => engine[Symbol.dispose]());

/** Places are the letters of the value. */
const letters = (more = '') => `
  const hex = (text) => Array.from(text, (c) => c.charCodeAt(0).toString(16).padStart(2, '0')).join('');
  export function places() {
    const rows = [...ccf.historicalState.kv['words'].range({})];
    return { body: rows.map(([key, value]) => Array.from(ccf.bufToStr(value) + '${more}', (c) => hex(c + ccf.bufToStr(key)))) };
  }
  export function slow() {
    const rows = [...ccf.historicalState.kv['words'].range({})];
    if (rows.some(([, value]) => ccf.bufToStr(value) === 'loop')) for (;;);
    return places();
  }`;
const byLetter: IndexDeclaration = {
  kind: 'rows',
  map: 'words',
  js_module: '/app.js',
  js_function: 'places',
};
const written: IndexDeclaration = { kind: 'history', map: 'words' };

/** A store with an indexer on it; the test says what is committed. */
class Bench {
  readonly store = new Store();
  readonly application = new Application(engine, this.store, new Outbox());
  readonly ledger: WriteSet[] = [];
  committed = 0;
  now = 0;
  /** How the past is given: a function of the range, so that a test may withhold it. */
  past: (from: number, to: number) => readonly PastState[] | null | 'absent' = (from, to) =>
    this.ledger.slice(from - 1, to).map((writeSet, at) => ({
      transactionId: `2.${from + at}`,
      receipt: {} as PastState['receipt'],
      writeSet,
    }));
  readonly indexer: Indexer;

  constructor() {
    const bench = this;
    this.indexer = new Indexer(this.store, this.application, {
      get now() {
        return bench.now;
      },
      get committed() {
        return bench.committed;
      },
      get latest() {
        return bench.store.version;
      },
      stateAt: (version) => this.store.at(version),
      past: (_, from, to) => this.past(from, to),
    });
  }

  write(changes: Record<string, string | null>, map = 'words'): void {
    const tx = this.store.begin();
    for (const [key, value] of Object.entries(changes)) {
      if (value === null) tx.delete(map, key);
      else tx.set(map, key, value);
    }
    this.#record(tx.commit());
  }

  install(declared: Record<string, IndexDeclaration>, source = letters()): void {
    const tx = this.store.begin();
    indexes.clear(tx);
    for (const [name, declaration] of Object.entries(declared)) indexes.set(tx, name, declaration);
    modules.set(tx, '/app.js', source);
    this.#record(tx.commit());
  }

  /** Commits what was written, and lets the indexer work until it rests. */
  commit(steps = 20): void {
    this.store.retain();
    this.committed = this.store.version;
    for (let i = 0; i < steps; i++) this.indexer.step();
  }

  /** Places of an index as texts. */
  places(name: string): string[] {
    return [...(this.indexer.open(name)?.state.range('rows') ?? [])].map(({ key }) => key);
  }

  #record(result: ReturnType<ReturnType<Store['begin']>['commit']>): void {
    assert.ok(result.kind === 'committed');
    this.ledger[result.version - 1] = result.writeSet;
  }
}

test('an index begins with what is there and follows what is committed, and nothing else', () => {
  const bench = new Bench();
  bench.write({ k: 'ab', l: 'b' });
  bench.install({ letters: byLetter });
  bench.commit();
  assert.deepEqual(bench.places('letters'), ['ak', 'bk', 'bl']);
  bench.write({ k: 'c' });
  bench.indexer.step();
  assert.deepEqual(bench.places('letters'), ['ak', 'bk', 'bl']);
  assert.equal(bench.indexer.open('letters')?.seqno, 2);
  bench.commit();
  assert.deepEqual(bench.places('letters'), ['bl', 'ck']);
  assert.equal(bench.indexer.open('letters')?.seqno, 3);
  bench.write({ other: 'x' }, 'elsewhere');
  bench.commit();
  assert.equal(bench.indexer.open('letters')?.seqno, 4);
});

test('what is rolled back was never indexed', () => {
  const bench = new Bench();
  bench.install({ letters: byLetter });
  bench.write({ k: 'a' });
  bench.commit();
  bench.write({ k: 'x' });
  bench.indexer.step();
  bench.store.rollback(2);
  bench.write({ l: 'b' });
  bench.commit();
  assert.deepEqual(bench.places('letters'), ['ak', 'bl']);
});

test('a step takes a bounded number of rows, and progress is told while it is built', () => {
  const bench = new Bench();
  const many = 3 * limits.indexRowsPerStep;
  bench.write(Object.fromEntries(Array.from({ length: many }, (_, i) => [`k${i}`, 'a'])));
  bench.install({ letters: byLetter });
  bench.commit(1);
  const [status] = bench.indexer.status();
  assert.deepEqual([status?.seqno, status?.built], [undefined, { done: limits.indexRowsPerStep, of: many }]);
  // Written meanwhile: it is not lost, and not seen too early.
  bench.write({ late: 'z' });
  bench.commit(3);
  assert.equal(bench.indexer.open('letters')?.seqno, 2);
  bench.commit();
  assert.deepEqual([bench.places('letters').length, bench.indexer.status()[0]?.built], [many + 1, undefined]);
});

test('many transactions are followed a few at a time, each whole', () => {
  const bench = new Bench();
  bench.install({ letters: byLetter });
  bench.commit();
  const rows = limits.indexRowsPerStep;
  for (const n of [1, 2, 3]) {
    bench.write(Object.fromEntries(Array.from({ length: rows - 1 }, (_, i) => [`${n}-${i}`, 'a'])));
  }
  bench.commit(1);
  assert.deepEqual(
    [bench.indexer.open('letters')?.seqno, bench.places('letters').length],
    [3, 2 * (rows - 1)],
  );
  bench.indexer.step();
  assert.deepEqual(
    [bench.indexer.open('letters')?.seqno, bench.places('letters').length],
    [4, 3 * (rows - 1)],
  );
});

test('a change of declaration or of code builds anew; the same installed again does not', () => {
  const bench = new Bench();
  bench.write({ k: 'a' });
  bench.install({ letters: byLetter });
  bench.commit();
  bench.install({ letters: byLetter });
  bench.indexer.step();
  assert.notEqual(bench.indexer.open('letters')?.seqno, null);
  bench.install({ letters: byLetter }, letters('z'));
  bench.indexer.step();
  assert.equal(bench.indexer.open('letters')?.seqno, null);
  bench.commit();
  assert.deepEqual(bench.places('letters'), ['ak', 'zk']);
  bench.install({ letters: { ...byLetter, map: 'elsewhere' } });
  bench.commit();
  assert.deepEqual(bench.places('letters'), []);
  bench.install({});
  bench.commit();
  assert.equal(bench.indexer.open('letters'), undefined);
});

test('a row that takes too long costs itself, and is told', () => {
  const bench = new Bench();
  const tx = bench.store.begin();
  tx.set(
    'public:ccf.gov.js_runtime_options',
    '\0'.repeat(8),
    JSON.stringify({ max_execution_time_ms: 30, max_heap_bytes: 1e8, max_stack_bytes: 1e6 }),
  );
  tx.commit();
  bench.ledger.push(new Map());
  bench.install({ letters: { ...byLetter, js_function: 'slow' } });
  bench.write({ a: 'x', b: 'loop', c: 'y', d: 'z' });
  bench.commit();
  assert.deepEqual(bench.places('letters'), ['xa', 'yc', 'zd']);
  assert.equal(bench.indexer.status()[0]?.skipped?.count, 1);
});

test('more than can wait is built anew', () => {
  const bench = new Bench();
  bench.install({ letters: byLetter });
  bench.commit();
  const half = Math.ceil(limits.indexQueueRowsMax / 2) + 1;
  for (const n of [1, 2]) {
    bench.write(
      Object.fromEntries(Array.from({ length: half }, (_, i) => [`${n}-${i}`, n === 1 ? 'a' : ''])),
    );
  }
  bench.indexer.step();
  assert.equal(bench.indexer.open('letters')?.seqno, null);
  bench.commit(Math.ceil((2 * half) / limits.indexRowsPerStep) + 2);
  assert.deepEqual([bench.indexer.open('letters')?.seqno, bench.places('letters').length], [3, half]);
});

test('a history is read back from the first entry on, and waits for what is not there', () => {
  const bench = new Bench();
  for (let i = 0; i < limits.indexReadMax; i++) bench.write({ k: String(i) });
  bench.install({ past: written });
  const { past } = bench;
  bench.past = () => 'absent';
  bench.commit();
  assert.match(bench.indexer.status()[0]?.waits ?? '', /do not hold transaction 1$/);
  bench.past = past;
  bench.indexer.step();
  assert.equal(bench.places('past').length, 0);
  bench.now += limits.indexRetryMs;
  bench.indexer.step();
  assert.deepEqual(bench.indexer.status()[0]?.built, {
    done: limits.indexReadMax,
    of: limits.indexReadMax + 1,
  });
  bench.write({ k: null });
  bench.commit();
  assert.equal(bench.places('past').length, limits.indexReadMax + 1);
  assert.equal(bench.indexer.open('past')?.seqno, bench.committed);
});
