import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type RangeOptions,
  type ReadableMapState,
  type Row,
  type Snapshot,
  Store,
  type Tx,
} from './index.ts';
import type { WriteSet } from './write-set.ts';

// The truth: plain maps, copied whole at every version, read by filtering and sorting everything.
type Content = ReadonlyMap<string, ReadonlyMap<string, { value: string; version: number }>>;

const names = ['a', 'public:b'] as const;
const nothing: Content = new Map();

function written(content: Content, writes: WriteSet, version: number): Content {
  const out = new Map([...content].map(([name, rows]) => [name, new Map(rows)]));
  for (const [name, changes] of writes) {
    if (!out.has(name)) out.set(name, new Map());
    for (const [key, value] of changes) {
      if (value === null) out.get(name)?.delete(key);
      else out.get(name)?.set(key, { value, version });
    }
  }
  return out;
}

/** What a transaction sees: own writes keep the version of the committed row they cover, or 0. */
function overlaid(content: Content, writes: WriteSet): Content {
  const seen = written(content, writes, 0);
  for (const [name, changes] of writes) {
    for (const key of changes.keys()) {
      const row = seen.get(name)?.get(key);
      if (row !== undefined) row.version = content.get(name)?.get(key)?.version ?? 0;
    }
  }
  return seen;
}

function copyOf(writes: WriteSet): WriteSet {
  return new Map([...writes].map(([name, changes]) => [name, new Map(changes)]));
}

function rowsIn(content: Content, map: string, options: RangeOptions): Row[] {
  const { from, to, prefix, reverse = false, limit, after } = options;
  const rows = [...(content.get(map) ?? [])]
    .map(([key, { value, version }]) => ({ key, value, version }))
    .filter(({ key }) => from === undefined || key >= from)
    .filter(({ key }) => to === undefined || key < to)
    .filter(({ key }) => prefix === undefined || key.startsWith(prefix))
    .filter(({ key }) => after === undefined || (reverse ? key < after : key > after))
    .sort((left, right) => (left.key < right.key ? -1 : 1));
  if (reverse) rows.reverse();
  return limit === undefined ? rows : rows.slice(0, limit);
}

function assertShows(state: ReadableMapState, content: Content): void {
  assert.deepEqual([...state.maps()], [...content.keys()].sort());
  for (const name of names) {
    assert.deepEqual([...state.range(name)], rowsIn(content, name, {}));
    assert.equal(state.size(name), content.get(name)?.size ?? 0);
  }
}

/** Something a transaction asked: how the answer follows from committed content, and what it got. */
interface Reading {
  answer: (content: Content) => unknown;
  got: unknown;
  /** The rows it can possibly depend on. */
  region: (content: Content) => unknown;
}

interface OpenTx {
  tx: Tx;
  base: Content;
  rollbacks: number;
  writes: WriteSet;
  readings: Reading[];
}

interface OpenRange {
  of: OpenTx;
  rows: IterableIterator<Row>;
  expected: Row[];
  taken: number;
}

/** The store beside its truth. Each method does the same to both and compares. */
class Bench {
  readonly store = new Store();
  content = nothing;
  rollbacks = 0;
  retained = new Map<number, Content>([[0, nothing]]);
  readonly open = new Map<number, OpenTx>();
  readonly ranges: OpenRange[] = [];
  readonly snapshots: { snapshot: Snapshot; content: Content }[] = [];
  readonly outcomes = { committed: 0, conflict: 0, 'read-only': 0 };

  tx(slot: number): OpenTx {
    const known = this.open.get(slot);
    if (known !== undefined) return known;
    const tx = this.store.begin();
    assert.equal(tx.readVersion, this.store.version);
    const { content: base, rollbacks } = this;
    const fresh = { tx, base, rollbacks, writes: new Map(), readings: [] };
    this.open.set(slot, fresh);
    return fresh;
  }

  #read(
    of: OpenTx,
    got: unknown,
    answer: (seen: Content, base: Content) => unknown,
    region: Reading['region'],
  ) {
    const writes = copyOf(of.writes);
    const answerIn = (base: Content) => answer(overlaid(base, writes), base);
    assert.deepEqual(got, answerIn(of.base));
    of.readings.push({ got, answer: answerIn, region });
  }

  get(slot: number, map: string, key: string): void {
    const of = this.tx(slot);
    const region = (base: Content) => base.get(map)?.get(key);
    this.#read(of, of.tx.get(map, key), (seen) => seen.get(map)?.get(key)?.value, region);
    this.#read(of, of.tx.has(map, key), (seen) => seen.get(map)?.has(key) ?? false, region);
  }

  versionOf(slot: number, map: string, key: string): void {
    const of = this.tx(slot);
    const answer = (_: Content, base: Content) => base.get(map)?.get(key)?.version;
    this.#read(of, of.tx.versionOf(map, key), answer, answer.bind(null, nothing));
  }

  size(slot: number, map: string): void {
    const of = this.tx(slot);
    const region = (base: Content) => rowsIn(base, map, {});
    this.#read(of, of.tx.size(map), (seen) => seen.get(map)?.size ?? 0, region);
  }

  maps(slot: number): void {
    const of = this.tx(slot);
    const answer = (seen: Content) => [...seen.keys()].sort();
    this.#read(of, of.tx.maps(), answer, (base) => [...base.keys()].sort());
  }

  range(slot: number, map: string, options: RangeOptions): void {
    const of = this.tx(slot);
    const expected = rowsIn(overlaid(of.base, of.writes), map, options);
    const range = { of, rows: of.tx.range(map, options), expected, taken: 0 };
    const writes = copyOf(of.writes);
    of.readings.push({
      get got() {
        return expected.slice(0, range.taken);
      },
      answer: (base) => rowsIn(overlaid(base, writes), map, options).slice(0, range.taken),
      region: (base) => rowsIn(base, map, { ...options, limit: Number.POSITIVE_INFINITY }),
    });
    this.ranges.push(range);
  }

  /** Reads on in a range opened earlier, whatever was written in between. */
  pull(which: number, count: number): void {
    const range = this.ranges[which % Math.max(1, this.ranges.length)];
    if (range === undefined) return;
    if (![...this.open.values()].includes(range.of)) {
      if (range.taken < range.expected.length)
        assert.throws(() => range.rows.next(), { code: 'TransactionFinished' });
      return;
    }
    for (let i = 0; i < count; i++) {
      const { value, done } = range.rows.next();
      assert.deepEqual(value, range.expected[range.taken]);
      // One past the end: that there is no further row is part of the answer.
      range.taken = Math.min(range.taken + 1, range.expected.length + 1);
      if (done) return;
    }
  }

  write(slot: number, map: string, key: string, value: string | null): void {
    const of = this.tx(slot);
    if (value === null) of.tx.delete(map, key);
    else of.tx.set(map, key, value);
    if (!of.writes.has(map)) of.writes.set(map, new Map());
    of.writes.get(map)?.set(key, value);
  }

  clear(slot: number, map: string): void {
    const of = this.tx(slot);
    const seen = overlaid(of.base, of.writes).get(map) ?? new Map();
    of.tx.clear(map);
    const region = (base: Content) => rowsIn(base, map, {});
    of.readings.push({ got: region(of.base), answer: region, region });
    for (const key of seen.keys()) {
      if (!of.writes.has(map)) of.writes.set(map, new Map());
      of.writes.get(map)?.set(key, null);
    }
  }

  commit(slot: number): void {
    const of = this.tx(slot);
    this.open.delete(slot);
    assert.deepEqual(of.tx.writeSet(), of.writes);
    const before = this.store.version;
    const result = of.tx.commit();
    this.outcomes[result.kind]++;
    if (result.kind === 'read-only') {
      assert.deepEqual([of.writes.size, result.version], [0, of.tx.readVersion]);
    } else if (result.kind === 'conflict') {
      const changed = of.readings.some(({ region }) => !same(region(of.base), region(this.content)));
      assert.ok(changed || of.rollbacks !== this.rollbacks, 'a conflict has a reason');
    } else {
      // Serialisable in commit order: run now, the transaction would read and hence write the same.
      for (const { got, answer } of of.readings) assert.deepEqual(got, answer(this.content));
      assert.equal(result.version, before + 1);
      assert.deepEqual(result.writeSet, of.writes);
      this.content = written(this.content, of.writes, result.version);
    }
    assert.throws(() => of.tx.get('a', ''), { code: 'TransactionFinished' });
  }

  discard(slot: number): void {
    this.tx(slot).tx.discard();
    this.open.delete(slot);
  }

  apply(gap: number, writes: WriteSet): void {
    const version = this.store.version + gap;
    this.store.apply(version, writes);
    this.content = written(this.content, writes, version);
  }

  retain(): void {
    this.store.retain();
    this.retained.set(this.store.version, this.content);
  }

  rollback(which: number): void {
    const version = this.#pick(which);
    if (version === undefined || version === this.store.version) return;
    this.store.rollback(version);
    this.rollbacks++;
    this.content = this.retained.get(version) ?? assert.fail();
    for (const later of this.retained.keys()) if (later > version) this.retained.delete(later);
  }

  compact(which: number): void {
    const version = this.#pick(which);
    if (version === undefined) return;
    this.store.compact(version);
    for (const earlier of this.retained.keys()) {
      if (earlier >= version) continue;
      this.retained.delete(earlier);
      assert.throws(() => this.store.at(earlier), { code: 'VersionNotRetained' });
    }
    assert.equal(this.store.compactedTo >= version, true);
  }

  at(which: number): void {
    const version = this.#pick(which) ?? this.store.version;
    const content = this.retained.get(version) ?? this.content;
    this.snapshots.push({ snapshot: this.store.at(version), content });
  }

  now(): void {
    this.snapshots.push({ snapshot: this.store.at(this.store.version), content: this.content });
  }

  finish(): void {
    this.now();
    for (const [version, content] of this.retained) assertShows(this.store.at(version), content);
    for (const { snapshot, content } of this.snapshots) assertShows(snapshot, content);
    assertShows(this.store.begin(), this.content);
  }

  #pick(which: number): number | undefined {
    return [...this.retained.keys()].sort((left, right) => left - right)[
      which % Math.max(1, this.retained.size)
    ];
  }
}

function same(left: unknown, right: unknown): boolean {
  try {
    assert.deepEqual(left, right);
    return true;
  } catch {
    return false;
  }
}

// Keys that try the order: the empty one, both ends of the byte range, prefixes of one another; and enough
// of them for several leaves.
const edgeKeys = ['', '\x00', '\x00\x00', '\x00\xff', 'k', 'k\x00', '\xff', '\xff\x00', '\xff\xff'];
const manyKeys = Array.from({ length: 90 }, (_, i) => `k${String.fromCharCode(i * 2)}`);
const key = fc.oneof(fc.constantFrom(...edgeKeys), fc.constantFrom(...manyKeys));
const map = fc.constantFrom(...names);
const slot = fc.nat(2);
const value = fc.option(fc.string({ unit: 'binary-ascii', maxLength: 2 }), { freq: 3 });
const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined, freq: 1 });
const options = fc
  .record({
    from: optional(key),
    to: optional(key),
    prefix: optional(fc.constantFrom('', 'k', '\x00', '\xff', '\xff\xff', 'k\x10')),
    reverse: optional(fc.boolean()),
    limit: optional(fc.nat(8)),
    after: optional(key),
  })
  .map(
    (given) =>
      Object.fromEntries(Object.entries(given).filter(([, set]) => set !== undefined)) as RangeOptions,
  );
const changes = fc.array(fc.tuple(key, value), { minLength: 1, maxLength: 60, size: 'max' });

type Action = (bench: Bench) => void;
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(slot, map, key).map(
      (a): Action =>
        (bench) =>
          bench.get(...a),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(slot, map, key).map(
      (a): Action =>
        (bench) =>
          bench.versionOf(...a),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(slot, map).map(
      (a): Action =>
        (bench) =>
          bench.size(...a),
    ),
  },
  {
    weight: 1,
    arbitrary: slot.map(
      (a): Action =>
        (bench) =>
          bench.maps(a),
    ),
  },
  {
    weight: 4,
    arbitrary: fc.tuple(slot, map, options).map(
      (a): Action =>
        (bench) =>
          bench.range(...a),
    ),
  },
  {
    weight: 6,
    arbitrary: fc.tuple(fc.nat(9), fc.nat(9)).map(
      (a): Action =>
        (bench) =>
          bench.pull(...a),
    ),
  },
  {
    weight: 8,
    arbitrary: fc.tuple(slot, map, key, value).map(
      (a): Action =>
        (bench) =>
          bench.write(...a),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(slot, map).map(
      (a): Action =>
        (bench) =>
          bench.clear(...a),
    ),
  },
  {
    weight: 6,
    arbitrary: slot.map(
      (a): Action =>
        (bench) =>
          bench.commit(a),
    ),
  },
  {
    weight: 1,
    arbitrary: slot.map(
      (a): Action =>
        (bench) =>
          bench.discard(a),
    ),
  },
  { weight: 3, arbitrary: fc.constant((bench: Bench) => bench.retain()) },
  {
    weight: 1,
    arbitrary: fc.nat(9).map(
      (a): Action =>
        (bench) =>
          bench.rollback(a),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.nat(9).map(
      (a): Action =>
        (bench) =>
          bench.compact(a),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.nat(9).map(
      (a): Action =>
        (bench) =>
          bench.at(a),
    ),
  },
  { weight: 1, arbitrary: fc.constant((bench: Bench) => bench.now()) },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.integer({ min: 1, max: 3 }), map, changes).map(
      ([gap, name, given]): Action =>
        (bench) =>
          bench.apply(gap, new Map([[name, new Map(given)]])),
    ),
  },
);

test('the store agrees with plain maps under any interleaving of transactions, and is serialisable', () => {
  const outcomes = { committed: 0, conflict: 0, 'read-only': 0 };
  fc.assert(
    fc.property(fc.array(action, { minLength: 10, maxLength: 80, size: 'max' }), (actions) => {
      const bench = new Bench();
      for (const act of actions) act(bench);
      bench.finish();
      for (const kind of ['committed', 'conflict', 'read-only'] as const)
        outcomes[kind] += bench.outcomes[kind];
    }),
    { numRuns: 300 },
  );
  assert.ok(
    Math.min(...Object.values(outcomes)) > 100,
    `every outcome was exercised: ${JSON.stringify(outcomes)}`,
  );
});
