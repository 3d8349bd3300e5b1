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
const rounds = 40;
const commitsPerRound = 10_000;
const commitsPerRetain = 50;

/** Times the hot verbs of the store, and weighs `keys` small rows in it. */
export async function run(keys = 1_000_000): Promise<Result[]> {
  return [...timeTransactions(), ...timeRanges(), ...(await weigh(keys))];
}

/** 8 bytes, distinct for each `i`, in an order that looks random: an odd factor permutes 32-bit numbers. */
function scattered(i: number): ByteString {
  return numbered(Math.imul(i, 0x9e3779b1) >>> 0, 0);
}

function ordered(i: number): ByteString {
  return numbered(i, 0);
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

/** What a node does at each signature that commits. */
function keepOnlyLatest(store: Store): void {
  store.retain();
  store.compact(store.version);
}

function microseconds(times: number, work: (i: number) => void): number {
  const started = performance.now();
  for (let i = 0; i < times; i++) work(i);
  return ((performance.now() - started) * 1000) / times;
}

function timeTransactions(): Result[] {
  const store = filled(mapKeys, scattered);
  const keys = Array.from({ length: mapKeys }, (_, i) => scattered(i));
  const write = (i: number): void => {
    const key = keys[Math.imul(i, 7919) % mapKeys]!;
    const tx = store.begin();
    const old = tx.get(map, key);
    tx.set(map, key, old === key ? '12345678' : key);
    if (tx.commit().kind !== 'committed') throw new Error('an undisturbed transaction must commit');
    if (i % commitsPerRetain === 0) keepOnlyLatest(store);
  };
  const read = (i: number): void => {
    const tx = store.begin();
    if (tx.get(map, keys[Math.imul(i, 7919) % mapKeys]!) === undefined) throw new Error('a key was lost');
    tx.commit();
  };
  let added = mapKeys;
  const add = (i: number): void => {
    const tx = store.begin();
    tx.set(map, scattered(added++), '12345678');
    tx.commit();
    if (i % commitsPerRetain === 0) keepOnlyLatest(store);
  };
  return [
    ...timed('kv begin+get+set+commit, 100k keys, retain every 50', commitsPerRound, write, 1.5),
    ...timed('kv begin+get+commit, 100k keys', commitsPerRound, read),
    ...timed('kv begin+set+commit of a new key, 100k to 500k keys', commitsPerRound, add),
  ];
}

function timeRanges(): Result[] {
  const store = filled(mapKeys, scattered);
  const snapshot = store.at(store.version);
  const count = (page: Iterable<Row>): number => {
    let seen = 0;
    for (const row of page) seen += row.version > 0 ? 1 : 0;
    return seen;
  };
  let walk = snapshot.range(map);
  const nextRow = (): void => {
    if (walk.next().done) walk = snapshot.range(map);
  };
  const page = (i: number): void => {
    const rowsSeen = count(store.begin().range(map, { from: scattered(i), limit: 20 }));
    if (rowsSeen === 0) throw new Error('a page is empty');
  };
  return [
    ...timed('kv range, one row of a snapshot', commitsPerRound * 4, nextRow),
    ...timed('kv range, page of 20 rows in a transaction', commitsPerRound / 10, page),
  ];
}

/** The quickest round tells the cost of the code, the median that on a machine as busy as this one. */
function timed(name: string, times: number, work: (i: number) => void, budget?: number): Result[] {
  const perRound: number[] = [];
  for (let round = 0; round < rounds; round++) perRound.push(microseconds(times, work));
  perRound.sort((left, right) => left - right);
  const limit = budget === undefined ? {} : { budget };
  return [
    { name, value: perRound[0]!, unit: 'us', ...limit },
    { name: `${name} (median round)`, value: perRound[rounds >> 1]!, unit: 'us' },
  ];
}

/**
 * Loads rows of 8-byte keys and 8-byte values, as from a snapshot. The other two orders are harder on the
 * collector and shown for fewer keys: rows that must be sorted first, and keys written one by one anywhere.
 */
async function weigh(keys: number): Promise<Result[]> {
  const few = Math.min(keys, 1_000_000);
  return [
    ...(await weighOne(`${keys} loaded in order`, keys, () => Store.from(1, [[map, rows(keys, ordered)]]))),
    ...(await weighOne(`${few} loaded unsorted`, few, () => Store.from(1, [[map, rows(few, scattered)]]))),
    ...(await weighOne(`${few} written scattered`, few, () => filled(few, scattered))),
  ];
}

async function weighOne(name: string, keys: number, fill: () => Store): Promise<Result[]> {
  const before = await heapBytes();
  const pauses = longestPause();
  const started = performance.now();
  const store = fill();
  const seconds = (performance.now() - started) / 1000;
  await turn();
  const pause = pauses();
  const bytes = (await heapBytes()) - before;
  if (store.begin().size(map) !== keys) throw new Error('rows were lost while loading');
  return [
    { name: `kv memory per key, ${name}`, value: bytes / keys, unit: 'bytes', budget: 150 },
    { name: `kv time, ${name}`, value: seconds, unit: 's' },
    { name: `kv longest pause, ${name}`, value: pause, unit: 'ms' },
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

function* rows(keys: number, keyOf: (i: number) => ByteString): Generator<Row> {
  for (let i = 0; i < keys; i++) yield { key: keyOf(i), value: numbered(i, 1), version: 1 };
}

/** One turn of the event loop: the collector's reports arrive in the next one. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Bytes in use after a collection (only with --expose-gc is it forced). */
async function heapBytes(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.();
    await turn();
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
