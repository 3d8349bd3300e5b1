import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type ChunkEntry,
  ChunkWriter,
  chunkName,
  encodeEntry,
  LedgerError,
  LedgerSecrets,
  parseChunkName,
  readChunk,
} from './index.ts';

const secrets = new LedgerSecrets();
secrets.add(0, new Uint8Array(32));

const entryAt = (seqno: number): Uint8Array => {
  const writeSet = new Map([['public:m', new Map([['k', 'v'.repeat(seqno % 7)]])]]);
  return encodeEntry({ view: 2, seqno, writeSet }, secrets).bytes;
};

/** A chunk file as a host would have written it. */
function chunkFile(start: number, end: number, complete: boolean): Uint8Array {
  const writer = new ChunkWriter(start);
  const parts: Uint8Array[] = [writer.openHeader];
  for (let seqno = start; seqno <= end; seqno++) {
    const bytes = entryAt(seqno);
    assert.equal(
      writer.append(bytes.length),
      parts.reduce((sum, part) => sum + part.length, 0),
    );
    parts.push(bytes);
  }
  if (complete) {
    const { header, table, name } = writer.complete();
    assert.equal(name, chunkName({ start, end }));
    parts[0] = header;
    parts.push(table);
  }
  return Uint8Array.from(Buffer.concat(parts));
}

const entriesOf = (bytes: Uint8Array, name: string) => [...readChunk(bytes, parseChunkName(name)!)];

test('names of chunk files are read and written', () => {
  const names = [
    'ledger_1',
    'ledger_1-10',
    'ledger_11-12.committed',
    'ledger_5.recovery',
    'ledger_5-9.recovery',
    'ledger_5-9.committed.recovery',
    'ledger_5.ignored',
    'ledger_5-9.committed.ignored',
  ];
  for (const name of names) assert.equal(chunkName(parseChunkName(name)!), name);
  assert.deepEqual(parseChunkName('ledger_11-12.committed'), {
    start: 11,
    end: 12,
    committed: true,
    recovery: false,
    ignored: false,
  });
});

test('other files in the folder are no chunks', () => {
  const others = [
    'ledger_',
    'ledger_0',
    'ledger_1-',
    'ledger_10-9',
    'ledger_1.committed',
    'ledger_1-2.corrupt',
    'x',
  ];
  for (const name of [
    ...others,
    'ledger_01',
    'ledger_1-2.recovery.committed',
    '.ledger_1',
    'ledger_1-2.committed.',
  ]) {
    assert.equal(parseChunkName(name), undefined, name);
  }
  assert.throws(() => chunkName({ start: 3, committed: true }), { code: 'InvalidArgument' });
});

test('open and complete chunks give back their entries', () => {
  for (const [name, complete] of [
    ['ledger_5', false],
    ['ledger_5-9.committed', true],
  ] as const) {
    const entries = entriesOf(chunkFile(5, 9, complete), name) as ChunkEntry[];
    assert.deepEqual(
      entries.map(({ seqno }) => seqno),
      [5, 6, 7, 8, 9],
    );
    for (const { seqno, bytes } of entries) assert.deepEqual(Buffer.from(bytes), Buffer.from(entryAt(seqno)));
  }
});

test('wherever the last write of an open chunk was cut, that entry is torn and the rest is whole', () => {
  const file = chunkFile(5, 9, false);
  const whole = entriesOf(file, 'ledger_5') as ChunkEntry[];
  const last = whole.at(-1)!;
  for (let length = last.offset + 1; length < file.length; length++) {
    const items = entriesOf(file.slice(0, length), 'ledger_5');
    assert.deepEqual(items.at(-1), { kind: 'torn', offset: last.offset, of: 'entry' }, `cut at ${length}`);
    assert.equal(items.length, 5);
  }
  for (let length = 0; length < 8; length++) {
    assert.deepEqual(entriesOf(file.slice(0, length), 'ledger_5'), [
      { kind: 'torn', offset: 0, of: 'entry' },
    ]);
  }
});

test('wherever the table that completes a chunk was cut, it is torn and the entries are whole', () => {
  const size = chunkFile(5, 9, false).length;
  const file = chunkFile(5, 9, true);
  file.fill(0, 0, 8);
  for (let length = size + 1; length <= file.length; length++) {
    const items = entriesOf(file.slice(0, length), 'ledger_5');
    assert.deepEqual(items.at(-1), { kind: 'torn', offset: size, of: 'table' }, `cut at ${length}`);
    assert.equal(items.length, 6);
  }
  const changed = file.with(file.length - 1, 1);
  const longer = Uint8Array.from([...file, 0]);
  for (const other of [changed, longer]) {
    assert.deepEqual(entriesOf(other, 'ledger_5').at(-1), { kind: 'torn', offset: size, of: 'entry' });
  }
});

test('zeros that a crash left behind an open chunk are a torn entry', () => {
  const file = chunkFile(5, 6, false);
  const padded = Uint8Array.from([...file, ...new Uint8Array(100)]);
  assert.deepEqual(entriesOf(padded, 'ledger_5').at(-1), { kind: 'torn', offset: file.length, of: 'entry' });
});

test('what does not fit elsewhere is corruption, named with its offset in the file', () => {
  const open = chunkFile(5, 9, false);
  const complete = chunkFile(5, 9, true);
  const second = 8 + entryAt(5).length;
  const tableAt = open.length;
  const cases: [string, Uint8Array, string, number][] = [
    ['entry format', open.with(second, 9), 'ledger_5', second],
    ['entry flags', open.with(second + 1, 0x80), 'ledger_5', second + 1],
    ['seqno', open.with(second + 24, 99), 'ledger_5', second],
    [
      'size in the middle of an open chunk that also belies the seqno',
      open.with(second + 5, 1).with(second + 24, 9),
      'ledger_5',
      second + 2,
    ],
    ['size in the middle of a complete chunk', complete.with(second + 5, 1), 'ledger_5-9', second + 2],
    ['position', complete.with(tableAt + 4, complete[tableAt + 4]! ^ 1), 'ledger_5-9', second],
    ['table offset', complete.with(7, 1), 'ledger_5-9', 0],
    ['name and table', complete, 'ledger_5-10', tableAt],
    ['named complete but open', open, 'ledger_5-9', 0],
    ['half a position', complete.slice(0, -1), 'ledger_5-9', tableAt],
    ['first seqno', complete, 'ledger_6-10', 8],
    ['complete but cut', complete.slice(0, tableAt - 3), 'ledger_5-9', 0],
  ];
  for (const [what, bytes, name, offset] of cases) {
    assert.throws(() => entriesOf(bytes, name), { code: 'MalformedChunk', offset }, what);
  }
});

test('a writer that resumes or truncates writes the same file', () => {
  const file = chunkFile(5, 9, true);
  const found = entriesOf(chunkFile(5, 7, false), 'ledger_5') as ChunkEntry[];
  const writer = ChunkWriter.resume(5, found);
  for (const seqno of [8, 100]) writer.append(entryAt(seqno).length);
  assert.equal(writer.last, 9);
  assert.equal(writer.truncate(8), 8 + [5, 6, 7, 8].reduce((sum, seqno) => sum + entryAt(seqno).length, 0));
  assert.equal(writer.last, 8);
  assert.equal(writer.append(entryAt(9).length), writer.size - entryAt(9).length);
  const { header, table } = writer.complete();
  assert.deepEqual(Buffer.from(file.subarray(0, 8)), Buffer.from(header));
  assert.deepEqual(Buffer.from(file.subarray(-table.length)), Buffer.from(table));
});

test('an empty chunk cannot be complete, and 4 GB is the end', () => {
  assert.throws(() => new ChunkWriter(1).complete(), { code: 'InvalidArgument' });
  const writer = new ChunkWriter(1);
  writer.append(2 ** 31);
  assert.throws(() => writer.append(2 ** 31), { code: 'LimitExceeded' });
  assert.throws(() => writer.truncate(-1), { code: 'InvalidArgument' });
});

test('hostile chunks end in entries, a torn one or a LedgerError', () => {
  const files = [chunkFile(5, 9, false), chunkFile(5, 9, true)];
  const hostile = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc
      .tuple(
        fc.constantFrom(...files),
        fc.array(fc.tuple(fc.nat(files[0]!.length - 1), fc.nat(255)), { maxLength: 6 }),
      )
      .map(([file, changes]) => changes.reduce((copy, [at, byte]) => copy.with(at, byte), file)),
  );
  fc.assert(
    fc.property(hostile, fc.constantFrom('ledger_5', 'ledger_5-9'), (bytes, name) => {
      try {
        const items = entriesOf(bytes, name);
        assert.ok(items.length <= 1 + bytes.length / 44);
      } catch (error) {
        assert.ok(error instanceof LedgerError && error.offset !== undefined, String(error));
      }
    }),
    { numRuns: 500 },
  );
});
