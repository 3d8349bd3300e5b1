import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  decodeReadSet,
  dependentClosure,
  eachDependency,
  encodeReadSet,
  invert,
  KvError,
  Lineage,
  type MapWrites,
  type ReadableMapState,
  Store,
  type Tx,
  type Version,
} from './index.ts';
import { IntervalIndex } from './interval-index.ts';

/** A deterministic transaction: what it writes depends on what it reads, and on nothing else. */
type Program = readonly Step[];
type Step =
  | { readonly kind: 'put'; readonly key: number; readonly value: number }
  | { readonly kind: 'remove'; readonly key: number }
  /** to = from + 1 */
  | { readonly kind: 'copy'; readonly from: number; readonly to: number }
  /** to = how many keys from `from` on, and what they add up to */
  | { readonly kind: 'sum'; readonly from: number; readonly limit: number; readonly to: number }
  | { readonly kind: 'count'; readonly to: number };

const nobody = () => false;
const maps = ['a', 'b'];
const mapOf = (key: number) => maps[key % 2] as string;
const nameOf = (key: number) => String.fromCharCode(97 + (key >> 1));

function run(tx: Tx, program: Program): void {
  const get = (key: number) => tx.get(mapOf(key), nameOf(key));
  const set = (key: number, value: number) => tx.set(mapOf(key), nameOf(key), String(value % 1000));
  for (const step of program) {
    switch (step.kind) {
      case 'put':
        set(step.key, step.value);
        break;
      case 'remove':
        tx.delete(mapOf(step.key), nameOf(step.key));
        break;
      case 'copy':
        set(step.to, Number(get(step.from) ?? 500) + 1);
        break;
      case 'sum': {
        let sum = 0;
        const range = { from: nameOf(step.from), limit: step.limit };
        for (const row of tx.range(mapOf(step.from), range)) sum += Number(row.value) + 7;
        set(step.to, sum);
        break;
      }
      case 'count':
        set(step.to, tx.size(mapOf(step.to)));
    }
  }
}

const key = fc.nat({ max: 9 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('put'), key, value: fc.nat({ max: 99 }) }),
  fc.record({ kind: fc.constant('remove'), key }),
  fc.record({ kind: fc.constant('copy'), from: key, to: key }),
  fc.record({ kind: fc.constant('sum'), from: key, limit: fc.nat({ max: 3 }), to: key }),
  fc.record({ kind: fc.constant('count'), to: key }),
);
const program = fc.array(step, { minLength: 1, maxLength: 3 });

/** A store with its lineage, and every value ever written. */
class Traced {
  readonly store = new Store();
  readonly lineage = new Lineage(1, { stretchVersions: 3, touchesMax: 1_000_000 });
  readonly written: MapWrites[] = [];
  readonly #programs = new Map<Version, Program>();

  run(program: Program): Version {
    const tx = this.store.begin();
    run(tx, program);
    const reads = decodeReadSet(encodeReadSet(tx.readSet(() => true)));
    const result = tx.commit();
    assert.equal(result.kind, 'committed');
    if (result.kind !== 'committed') throw new Error('unreachable');
    this.lineage.record(result.version, { writes: result.writeSet, reads, fixed: false });
    this.#keep(result.version);
    this.#programs.set(result.version, program);
    return result.version;
  }

  undo(roots: readonly Version[], struck: Set<Version>): Set<Version> {
    const undone = closure(this.lineage, roots, struck);
    const found = dependentClosure(this.lineage, roots, (version) => struck.has(version), undone.size);
    assert.deepEqual(found, { reached: [...undone].sort((a, b) => a - b), isComplete: true });
    const inverse = invert(this.lineage, undone, (version) => struck.has(version));
    assert.equal(inverse.kind, 'inverse');
    if (inverse.kind !== 'inverse') throw new Error('unreachable');
    const tx = this.store.begin();
    for (const { map, key, to, from } of inverse.reversals) {
      assert.equal(from, this.#lastWrite(map, key));
      const value = to === 0 ? undefined : this.#at(to, map, key);
      if (value === undefined) tx.delete(map, key);
      else tx.set(map, key, value);
    }
    const result = tx.commit();
    if (result.kind !== 'committed') throw new Error('an undo writes');
    this.lineage.record(result.version, { writes: result.writeSet, reads: new Map(), fixed: false });
    this.#keep(result.version);
    for (const version of [...undone, result.version]) struck.add(version);
    return undone;
  }

  /** The slow truth: everything again, but what is struck. */
  replay(struck: ReadonlySet<Version>): Store {
    const store = new Store();
    for (const [version, program] of this.#programs) {
      if (struck.has(version)) continue;
      const tx = store.begin();
      run(tx, program);
      tx.commit();
    }
    return store;
  }

  readonly #history: Store[] = [];

  #keep(version: Version): void {
    const copy = Store.from(version, contentOf(this.store));
    this.#history[version] = copy;
  }

  #at(version: Version, map: string, key: string): string | undefined {
    return this.#history[version]?.begin().get(map, key);
  }

  #lastWrite(map: string, key: string): Version {
    let last = 0;
    this.lineage.eachAfter({ map, key }, 0, (version, kind) => {
      if (kind !== 0) last = version;
      return false;
    });
    return last;
  }
}

function closure(lineage: Lineage, roots: readonly Version[], struck: ReadonlySet<Version>): Set<Version> {
  const undone = new Set(roots);
  for (const version of undone)
    eachDependency(
      lineage,
      version,
      (each) => struck.has(each),
      ({ by }) => {
        undone.add(by);
        return false;
      },
    );
  return undone;
}

function contentOf(store: Store): [string, { key: string; value: string; version: number }[]][] {
  const state: ReadableMapState = store.begin();
  return [...state.maps()].map((map) => [map, [...state.range(map)]]);
}

function valuesOf(store: Store): Record<string, string> {
  const values: Record<string, string> = {};
  for (const [map, rows] of contentOf(store)) for (const { key, value } of rows) values[map + key] = value;
  return values;
}

describe('an inverse', () => {
  test('leaves the state that would be had the transactions and all that hangs on them never run', () => {
    const steps = fc.array(
      fc.oneof({ weight: 4, arbitrary: program }, { weight: 1, arbitrary: fc.nat({ max: 1000 }) }),
      { minLength: 2, maxLength: 30 },
    );
    fc.assert(
      fc.property(steps, (history) => {
        const traced = new Traced();
        const struck = new Set<Version>();
        const standing: Version[] = [];
        for (const each of history) {
          if (typeof each !== 'number') standing.push(traced.run(each));
          else if (standing.length > 0) {
            const root = standing[each % standing.length] as Version;
            const undone = traced.undo([root], struck);
            for (const version of undone) standing.splice(standing.indexOf(version), 1);
          }
          assert.deepEqual(valuesOf(traced.store), valuesOf(traced.replay(struck)));
        }
      }),
      { numRuns: 300 },
    );
  });

  test('is looked for once in each place, however many keys and transactions share it', () => {
    const keys = Array.from({ length: 1_000 }, (_, i) => String(i).padStart(4, '0'));
    const lineage = new Lineage(1);
    lineage.record(1, {
      writes: new Map([['a', new Map(keys.map((key) => [key, 'x']))]]),
      reads: new Map(),
      fixed: false,
    });
    const tx = new Store().begin();
    tx.size('a');
    const reads = decodeReadSet(encodeReadSet(tx.readSet(() => true)));
    for (let version = 2; version <= 1_001; version++)
      lineage.record(version, { writes: new Map([['a', new Map([['n', 'x']])]]), reads, fixed: false });
    let looks = 0;
    const counted = () => {
      looks++;
      return false;
    };
    assert.equal(dependentClosure(lineage, [1], counted, 2_000).reached.length, 1_001);
    assert.ok(looks < 5_000, `${looks} looks`);
    assert.deepEqual(dependentClosure(lineage, [1], nobody, 500).isComplete, false);
    let listed = 0;
    eachDependency(lineage, 1, nobody, () => ++listed === 100);
    assert.equal(listed, 100);
  });

  test('refuses while something that stays has overwritten a key', () => {
    const traced = new Traced();
    const first = traced.run([{ kind: 'put', key: 0, value: 1 }]);
    const second = traced.run([{ kind: 'put', key: 0, value: 2 }]);
    assert.deepEqual(invert(traced.lineage, new Set([first]), nobody), {
      kind: 'blocked',
      by: second,
      at: { map: 'a', key: 'a' },
    });
    assert.deepEqual(invert(traced.lineage, new Set([second]), nobody), {
      kind: 'inverse',
      reversals: [{ map: 'a', key: 'a', to: first, from: second }],
    });
    assert.equal(invert(traced.lineage, new Set([first, second]), nobody).kind, 'inverse');
  });

  test('is not known when the value before is older than the lineage', () => {
    const lineage = new Lineage(100);
    lineage.record(100, { writes: new Map([['a', new Map([['k', 'v']])]]), reads: undefined, fixed: false });
    const inverse = invert(lineage, new Set([100]), () => false);
    assert.deepEqual(inverse, { kind: 'unknown', at: { map: 'a', key: 'k' } });
    assert.deepEqual([...lineage.unreadAfter(0)], [100]);
  });
});

describe('a lineage', () => {
  test('rolled back and recorded again is as if the rest had never been', () => {
    fc.assert(
      fc.property(fc.array(program, { minLength: 4, maxLength: 25 }), fc.nat(), (programs, at) => {
        const straight = new Traced();
        const winding = new Traced();
        const cut = at % programs.length;
        for (const each of programs) straight.run(each);
        for (const each of programs.slice(0, cut)) winding.run(each);
        winding.store.retain();
        for (const each of [...programs].reverse().slice(0, 9)) winding.run(each);
        winding.store.rollback(cut);
        winding.lineage.truncate(cut);
        for (const each of programs.slice(cut)) winding.run(each);
        assert.deepEqual(graphOf(winding.lineage), graphOf(straight.lineage));
      }),
      { numRuns: 100 },
    );
  });

  const bounds = { stretchVersions: 4, touchesMax: 16 };
  const write = (lineage: Lineage, version: Version) =>
    lineage.record(version, {
      writes: new Map([['a', new Map([['k', String(version)]])]]),
      reads: new Map(),
      fixed: version === 40,
    });
  const recorded = (from: Version, to: Version, more = bounds): Lineage => {
    const lineage = new Lineage(from, more);
    for (let version = from; version <= to; version++) write(lineage, version);
    return lineage;
  };

  test('forgets the oldest stretch when it holds too much, and says from where it knows', () => {
    const lineage = recorded(1, 40);
    assert.deepEqual([lineage.from, lineage.end, lineage.isFull, lineage.isAligned], [25, 41, true, true]);
    assert.deepEqual(lineage.written(24), []);
    const place = { map: 'a', key: 'k' };
    assert.deepEqual(lineage.writeBefore(place, 30, nobody), { version: 29, removed: false });
    assert.equal(lineage.writeBefore(place, 25, nobody), undefined);
    assert.ok(lineage.isFixed(40) && !lineage.isFixed(39));
  });

  test('keeps the latest stretch, however much it holds', () => {
    assert.equal(recorded(1, 40, { stretchVersions: 16, touchesMax: 4 }).from, 33);
  });

  test('that began late knows as much as one from the beginning once it is preceded by what was before', () => {
    const versions = fc.nat({ max: 60 });
    fc.assert(
      fc.property(versions, versions, versions, fc.boolean(), (began, more, cut, piecemeal) => {
        const [first, last] = [began + 1, began + 1 + more];
        const whole = recorded(1, last);
        const late = recorded(first, last);
        const kept = Math.max(last - (cut % 20), first - 1);
        for (const lineage of [whole, late]) {
          lineage.truncate(kept);
          for (let version = kept + 1; version <= last; version++) write(lineage, version);
        }
        for (const lineage of [whole, late]) {
          while (lineage.from > 1 && !lineage.isFull) {
            const to = lineage.from - 1;
            lineage.precede(recorded(piecemeal ? lineage.stretchOf(to) : 1, to));
          }
        }
        assert.deepEqual([late.from, late.end], [whole.from, whole.end]);
        assert.deepEqual(graphOf(late), graphOf(whole));
        assert.ok(late.isAligned);
      }),
      { numRuns: 300 },
    );
  });
});

/** What depends on what, in an order of its own: scans come in the order in which they were first seen. */
function graphOf(lineage: Lineage): string[] {
  const edges: string[] = [];
  for (let version = lineage.from; version < lineage.end; version++)
    eachDependency(lineage, version, nobody, (edge) => {
      edges.push(JSON.stringify(edge));
      return false;
    });
  return edges.sort();
}

describe('an interval index', () => {
  test('finds the intervals around a key that a search through all of them finds', () => {
    const key = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 3 });
    const interval = fc.tuple(key, fc.option(key, { nil: undefined }));
    fc.assert(
      fc.property(fc.array(fc.tuple(interval, key), { maxLength: 30 }), (steps) => {
        const index = new IntervalIndex<string>();
        const all = new Set<string>();
        for (const [[from, to], asked] of steps) {
          const name = JSON.stringify([from, to ?? null]);
          all.add(index.at({ from, to }, () => name));
          const found: string[] = [];
          index.eachAround(asked, (about) => found.push(about));
          const expected = [...all].filter((each) => {
            const [low, high] = JSON.parse(each) as [string, string | null];
            return low <= asked && (high === null || asked < high);
          });
          assert.deepEqual(found.sort(), expected.sort());
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('a recorded read set', () => {
  test('comes back as it went', () => {
    const bytes = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((n) => String.fromCharCode(n)) });
    const interval = fc.record(
      { from: bytes, to: fc.option(bytes, { nil: undefined }) },
      { noNullPrototype: true },
    );
    const reads = fc.record(
      { keys: fc.array(bytes), intervals: fc.array(interval) },
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(fc.dictionary(fc.string(), reads), (maps) => {
        const set = new Map(Object.entries(maps));
        assert.deepEqual(decodeReadSet(encodeReadSet(set)), set);
      }),
      { numRuns: 200 },
    );
  });

  test('of hostile bytes is read or refused, never anything else', () => {
    const bytes = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((n) => String.fromCharCode(n)) });
    fc.assert(
      fc.property(bytes, (text) => {
        try {
          decodeReadSet(text);
        } catch (error) {
          assert.ok(error instanceof KvError, String(error));
        }
      }),
      { numRuns: 1000 },
    );
  });
});
