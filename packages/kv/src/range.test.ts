import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { prefixEnd, type RangeOptions, type Row, Store } from './index.ts';

function keysOf(rows: Iterable<Row>): string[] {
  return Array.from(rows, (row) => row.key);
}

/** One store, seen by a snapshot and by a transaction that wrote half of it itself. */
function bothViews(keys: readonly string[]): { name: string; range: (options: RangeOptions) => string[] }[] {
  const whole = new Store();
  whole.apply(1, new Map([['m', new Map(keys.map((key) => [key, '']))]]));
  const half = new Store();
  half.apply(1, new Map([['m', new Map(keys.filter((_, i) => i % 2 === 0).map((key) => [key, '']))]]));
  const tx = half.begin();
  for (const key of keys) tx.set('m', key, '');
  return [
    { name: 'a snapshot', range: (options) => keysOf(whole.at(1).range('m', options)) },
    { name: 'a transaction', range: (options) => keysOf(tx.range('m', options)) },
  ];
}

const keys = ['', '\x00', '\x00\xff', 'a', 'a\x00', 'ab', 'b', '\xfe\xff', '\xff', '\xff\x00', '\xff\xff'];

const table: [string, RangeOptions, string[]][] = [
  ['no bounds', {}, keys],
  ['reverse', { reverse: true }, keys.toReversed()],
  ['from is inclusive', { from: 'ab' }, keys.slice(5)],
  ['to is exclusive', { to: 'ab' }, keys.slice(0, 5)],
  ['to the empty key', { to: '' }, []],
  ['from above to', { from: 'b', to: 'a' }, []],
  ['the empty prefix', { prefix: '' }, keys],
  ['a prefix', { prefix: 'a' }, ['a', 'a\x00', 'ab']],
  ['a prefix that ends in 0xff', { prefix: '\x00\xff' }, ['\x00\xff']],
  ['a prefix of nothing but 0xff', { prefix: '\xff' }, ['\xff', '\xff\x00', '\xff\xff']],
  ['prefix and bounds together', { prefix: 'a', from: 'a\x00', to: 'ab' }, ['a\x00']],
  ['bounds outside the prefix', { prefix: 'a', from: '', to: 'c' }, ['a', 'a\x00', 'ab']],
  ['after', { after: 'a', to: 'b' }, ['a\x00', 'ab']],
  ['after the empty key', { after: '', to: 'a' }, ['\x00', '\x00\xff']],
  ['after a key below from', { after: '', from: 'b', to: '\xff' }, ['b', '\xfe\xff']],
  ['after in reverse', { after: 'ab', from: 'a', reverse: true }, ['a\x00', 'a']],
  ['after a key above to, in reverse', { after: '\xff', to: 'ab', from: 'a', reverse: true }, ['a\x00', 'a']],
  ['limit', { limit: 2 }, ['', '\x00']],
  ['limit in reverse', { limit: 2, reverse: true }, ['\xff\xff', '\xff\x00']],
  ['limit zero', { limit: 0 }, []],
  ['no limit', { limit: Number.POSITIVE_INFINITY }, keys],
];

for (const [name, options, expected] of table) {
  for (const view of bothViews(keys)) {
    test(`range of ${view.name}: ${name}`, () => assert.deepEqual(view.range(options), expected));
  }
}

test('a limit that is no count is rejected', () => {
  const store = new Store();
  for (const limit of [-1, 0.5, Number.NaN]) {
    assert.throws(() => store.begin().range('m', { limit }), { code: 'InvalidRange' });
    assert.throws(() => store.at(0).range('m', { limit }), { code: 'InvalidRange' });
  }
});

test('the end of a prefix is the lowest key above all that begin with it', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary-ascii' }),
      fc.constantFrom('', '\xff', '\xff\xff'),
      (start, ending) => {
        const prefix = start + ending;
        const end = prefixEnd(prefix);
        if (end === undefined) assert.match(prefix, /^\xff*$/);
        else
          assert.ok(end > `${prefix}\xff\xff\xff` && !end.startsWith(prefix) && end.length <= prefix.length);
      },
    ),
  );
});

describe('pages by cursor', () => {
  const key = fc.string({ unit: fc.constantFrom('\x00', 'a', '\xff'), maxLength: 4 });

  test('cover a range exactly once, in either direction', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(key, { maxLength: 80, size: 'max' }),
        fc.integer({ min: 1, max: 7 }),
        fc.boolean(),
        fc.constantFrom('', 'a', '\xff', '\xff\xff'),
        (given, limit, reverse, prefix) => {
          for (const view of bothViews(given)) {
            const paged: string[] = [];
            let page = view.range({ prefix, reverse, limit });
            while (page.length > 0) {
              paged.push(...page);
              page = view.range({ prefix, reverse, limit, after: page.at(-1) ?? '' });
            }
            assert.deepEqual(paged, view.range({ prefix, reverse }));
          }
        },
      ),
    );
  });
});

describe('a transaction that writes while it iterates', () => {
  test('sees the rows as they were when the iterator was made', () => {
    const store = new Store();
    store.apply(1, new Map([['m', new Map(['a', 'b', 'c'].map((each) => [each, '1']))]]));
    const tx = store.begin();
    tx.set('m', 'b', 'own');
    const seen: string[] = [];
    for (const { key, value } of tx.range('m')) {
      seen.push(key + value);
      tx.delete('m', 'c');
      tx.set('m', 'b', 'later');
      tx.set('m', `${key}x`, 'new');
    }
    assert.deepEqual(seen, ['a1', 'bown', 'c1']);
    assert.deepEqual(keysOf(tx.range('m')), ['a', 'ax', 'b', 'bx', 'cx']);
  });

  test('may empty the map it iterates', () => {
    const store = new Store();
    const names = Array.from({ length: 500 }, (_, i) => String(i));
    store.apply(1, new Map([['m', new Map(names.map((each) => [each, '']))]]));
    const tx = store.begin();
    for (const { key } of tx.range('m')) tx.delete('m', key);
    assert.equal(tx.size('m'), 0);
    tx.commit();
    assert.deepEqual(keysOf(store.begin().range('m')), []);
  });
});
