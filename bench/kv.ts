import { type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';
import { type ByteString, type Row, Store } from '@coco/kv';

/** One measured figure. `budget` is the most it may be. */
export interface Result {
  name: string;
  value: number;
  unit: string;
  budget?: number;
}

const map = 'private';
const mapKeys = 100_000;
const commits = 200_000;
const commitsPerRetain = 50;

/** Times the hot verbs of the store, and weighs `keys` small rows in it. */
export async function run(keys = 1_000_000): Promise<Result[]> {
  return [...timeTransactions(), ...timeRanges(), ...(await weigh(keys))];
}

/** 8 bytes, distinct for each `i`, in an order that looks random: an odd factor permutes 32-bit numbers. */
function scattered(i: number): ByteString {
  return numbered(Math.imul(i, 0x9e3779b1) >>> 0, 0);
}

/** 8 bytes that sort as `i` does. */
function numbered(i: number, first: number): ByteString {
  return String.fromCharCode(first, 0, 0, 0, i >>> 24, (i >>> 16) & 255, (i >>> 8) & 255, i & 255);
}

function filled(keys: number, keyOf: (i: number) => ByteString): Store {
  const store = new Store();
  for (let i = 0; i < keys; i++) store.apply(i + 1, new Map([[map, new Map([[keyOf(i), keyOf(i)]])]]));
  return store;
}

function microseconds(times: number, work: (i: number) => void): number {
  const started = performance.now();
  for (let i = 0; i < times; i++) work(i);
  return ((performance.now() - started) * 1000) / times;
}

function timeTransactions(): Result[] {
  const store = filled(mapKeys, scattered);
  const keys = Array.from({ length: mapKeys }, (_, i) => scattered(i));
  const step = (i: number): void => {
    const key = keys[Math.imul(i, 7919) % mapKeys]!;
    const tx = store.begin();
    const old = tx.get(map, key);
    tx.set(map, key, old === key ? '12345678' : key);
    if (tx.commit().kind !== 'committed') throw new Error('an undisturbed transaction must commit');
    if (i % commitsPerRetain !== 0) return;
    store.retain();
    store.compact(store.version);
  };
  microseconds(commits / 4, step);
  const value = best(() => microseconds(commits, step));
  const readOnly = best(() =>
    microseconds(commits, (i) => {
      const tx = store.begin();
      tx.get(map, keys[Math.imul(i, 7919) % mapKeys]!);
      tx.commit();
    }),
  );
  return [
    { name: 'kv begin+get+set+commit, 100k keys, retained every 50', value, unit: 'us', budget: 1.5 },
    { name: 'kv begin+get+commit, 100k keys', value: readOnly, unit: 'us' },
  ];
}

function timeRanges(): Result[] {
  const store = filled(mapKeys, scattered);
  const count = (rows: Iterable<Row>): number => {
    let seen = 0;
    for (const row of rows) seen += row.version > 0 ? 1 : 0;
    return seen;
  };
  const whole = best(() => microseconds(1, () => count(store.at(store.version).range(map))) / mapKeys);
  const page = best(() =>
    microseconds(5000, (i) => count(store.begin().range(map, { from: scattered(i), limit: 20 }))),
  );
  return [
    { name: 'kv range, per row of a snapshot', value: whole, unit: 'us' },
    { name: 'kv range in a transaction, page of 20 rows', value: page, unit: 'us' },
  ];
}

function best(measure: () => number): number {
  return Math.min(measure(), measure(), measure());
}

/** Loads rows of 8-byte keys and 8-byte values: in order at once, and one by one in scattered order. */
async function weigh(keys: number): Promise<Result[]> {
  return [
    ...(await weighOne(`${keys} in order`, keys, () => Store.from(1, [[map, orderedRows(keys)]]))),
    ...(await weighOne(`${keys} scattered`, keys, () => filled(keys, scattered))),
  ];
}

async function weighOne(name: string, keys: number, fill: () => Store): Promise<Result[]> {
  const before = await heapBytes();
  const pauses = longestPause();
  const started = performance.now();
  const store = fill();
  const seconds = (performance.now() - started) / 1000;
  const bytes = (await heapBytes()) - before;
  if (store.begin().size(map) !== keys) throw new Error('rows were lost while loading');
  return [
    { name: `kv memory, ${name}`, value: bytes / keys, unit: 'bytes/key', budget: 150 },
    { name: `kv load, ${name}`, value: seconds, unit: 's' },
    { name: `kv longest pause of the collector, ${name}`, value: pauses(), unit: 'ms' },
  ];
}

/** Watches the garbage collector; the function it gives back ends the watch and tells the worst, in ms. */
function longestPause(): () => number {
  let longest = 0;
  const note = (entries: readonly PerformanceEntry[]): void => {
    for (const { duration } of entries) longest = Math.max(longest, duration);
  };
  const observer = new PerformanceObserver((list) => note(list.getEntries()));
  observer.observe({ entryTypes: ['gc'] });
  return () => {
    note(observer.takeRecords());
    observer.disconnect();
    return longest;
  };
}

function* orderedRows(keys: number): Generator<Row> {
  for (let i = 0; i < keys; i++) {
    yield { key: numbered(i, 1), value: numbered(i, 2), version: 1 };
  }
}

async function heapBytes(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return process.memoryUsage().heapUsed;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const { name, value, unit, budget } of await run(Number(process.argv[2] ?? 1_000_000))) {
    console.log(
      `${name.padEnd(64)} ${value.toFixed(3).padStart(10)} ${unit}${budget ? `  (budget ${budget})` : ''}`,
    );
  }
}
