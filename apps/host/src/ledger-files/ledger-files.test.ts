import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { encodeEntry, LedgerSecrets } from '@coco/ledger';
import { HostError } from '../errors.ts';
import { limits } from '../limits.ts';
import { LedgerFiles } from './ledger-files.ts';

const secrets = new LedgerSecrets();
secrets.add(1, new Uint8Array(32).fill(7));

/** A real entry; its length depends on its seqno. */
function entry(seqno: number, valueBytes = seqno % 17): Uint8Array {
  const writes = new Map([['key', 'v'.repeat(valueBytes)]]);
  const writeSet = new Map([[seqno % 2 === 0 ? 'public:t' : 'private', writes]]);
  return encodeEntry({ view: 2, seqno, writeSet }, secrets).bytes;
}

const entries = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => entry(from + i));

function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'coco-ledger-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
}

/** Entries that are to be durable at once. */
function append(files: LedgerFiles, from: number, entries: readonly Uint8Array[], endsChunk = false): void {
  files.append({ from, entries, endsChunk, mayWait: false });
}

/** A ledger with the events it gave. */
function open(directory: string, readOnlyDirectories: readonly string[] = [], mayHaveGaps = false) {
  const events: { appended: number[]; read: Uint8Array[][]; unreadable: string[]; failed: HostError[] } = {
    appended: [],
    read: [],
    unreadable: [],
    failed: [],
  };
  const flushes = new EventEmitter();
  const files = new LedgerFiles(
    {
      directory,
      readOnlyDirectories,
      mayHaveGaps,
      slowMs: 10_000,
    },
    {
      appended(seqno) {
        events.appended.push(seqno);
        flushes.emit('appended');
      },
      entriesRead: (_from, _to, found) => events.read.push([...found]),
      unreadable: (why) => events.unreadable.push(why),
      slow: () => {},
      failed: (error) => events.failed.push(error),
    },
  );
  return { files, events, flushes };
}

/** Writes entries 1 to `last`, with chunks that end after each of `ends`. */
async function write(directory: string, last: number, ends: readonly number[] = []): Promise<void> {
  const { files, events } = open(directory);
  let from = 1;
  for (const end of [...ends, last]) {
    if (end >= from) append(files, from, entries(from, end), ends.includes(end));
    from = end + 1;
  }
  await files.close();
  assert.deepEqual(events.failed, []);
}

async function readAll(directory: string, from = 1, to = 1_000_000): Promise<Uint8Array[]> {
  const { files, events } = open(directory);
  files.read({ from, to });
  await files.close();
  assert.deepEqual(events.failed, []);
  return events.read[0]!;
}

const names = (directory: string) => readdirSync(directory).sort();

describe('ledger files', () => {
  test('entries come back as they were written, across chunks', async (t) => {
    const directory = temporaryDirectory(t);
    await write(directory, 25, [10, 20]);
    assert.deepEqual(names(directory), ['ledger_1-10', 'ledger_11-20', 'ledger_21']);
    assert.deepEqual(await readAll(directory), entries(1, 25).map(plain));
    assert.deepEqual(await readAll(directory, 9, 12), entries(9, 12).map(plain));
    assert.deepEqual(await readAll(directory, 26, 30), []);
  });

  test('read whole, files give the same entries, and the disk sees more than was asked for', async (t) => {
    const directory = temporaryDirectory(t);
    await write(directory, 1_210, [400, 800, 1_200]);
    const sizes = names(directory).map((name) => statSync(join(directory, name)).size);
    const smallest = Math.min(...sizes.slice(0, 3));
    for (const [from, to] of [
      [1, 1_210],
      [399, 402],
      [700, 700],
      [1_205, 1_205],
    ] as const) {
      const { files, events } = open(directory);
      files.read({ from, to, whole: true });
      await files.close();
      assert.deepEqual(events.read[0], entries(from, to));
    }
    if (!existsSync('/proc/self/io')) {
      t.diagnostic('this system does not count what a process reads: that is not looked at');
      return;
    }
    const bytesRead = () => Number(/^rchar: (\d+)/.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]);
    const { files } = open(directory);
    const before = bytesRead();
    files.read({ from: 700, to: 700, whole: true });
    await files.close();
    assert.ok(bytesRead() - before >= 2 * smallest, 'its own chunk, and another');
  });

  test('appends that gather while a flush is in flight are flushed as one group', async (t) => {
    const { files, events } = open(temporaryDirectory(t));
    append(files, 1, entries(1, 2));
    append(files, 3, entries(3, 3));
    await new Promise((resolve) => setImmediate(resolve));
    for (let i = 4; i <= 9; i += 1) append(files, i, entries(i, i));
    await files.close();
    assert.equal(events.appended.at(-1), 9);
    assert.ok(files.facts.flushes <= 3, `${files.facts.flushes} flushes`);
    assert.equal(files.facts.entries, 9);
  });

  test('appends that may wait are flushed with the first that may not, or when there are many bytes of them', async (t) => {
    const { files, events, flushes } = open(temporaryDirectory(t));
    const wait = (from: number, to: number) =>
      files.append({ from, entries: entries(from, to), endsChunk: false, mayWait: true });
    wait(1, 2);
    wait(3, 3);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(files.last, 0);
    append(files, 4, entries(4, 4));
    await files.idle();
    wait(5, 5);
    files.read({ from: 5, to: 5 });
    await files.idle();
    const large = entry(6, limits.waitingBytesMax);
    files.append({ from: 6, entries: [large], endsChunk: false, mayWait: true });
    await once(flushes, 'appended');
    wait(7, 7);
    await files.close();
    assert.deepEqual(events.appended, [4, 5, 6, 7], 'reads, many bytes and the end wait for nothing');
    assert.deepEqual(events.read.flat().map(plain), [plain(entry(5))]);
  });

  test('a new daemon goes on in the open chunk', async (t) => {
    const directory = temporaryDirectory(t);
    await write(directory, 5);
    const { files, events } = open(directory);
    assert.equal(files.last, 5);
    append(files, 6, entries(6, 8), true);
    await files.close();
    assert.deepEqual(events.appended, [8]);
    assert.deepEqual(names(directory), ['ledger_1-8']);
    assert.deepEqual(await readAll(directory), entries(1, 8).map(plain));
  });

  test('complete chunks are renamed once all of them is committed', async (t) => {
    const directory = temporaryDirectory(t);
    await write(directory, 25, [10, 20]);
    const { files } = open(directory);
    files.committed(19);
    await files.idle();
    assert.deepEqual(names(directory), ['ledger_1-10.committed', 'ledger_11-20', 'ledger_21']);
    files.committed(25);
    await files.close();
    assert.deepEqual(names(directory), ['ledger_1-10.committed', 'ledger_11-20.committed', 'ledger_21']);
    assert.deepEqual(await readAll(directory), entries(1, 25).map(plain));
  });

  test('committed chunks of a read-only directory are read, and the ledger goes on behind them', async (t) => {
    const archive = temporaryDirectory(t);
    await write(archive, 20, [10, 20]);
    const earlier = open(archive);
    earlier.files.committed(10);
    await earlier.files.close();
    const directory = temporaryDirectory(t);
    const { files, events } = open(directory, [archive]);
    assert.equal(files.last, 10, 'chunks that are not committed are left out');
    append(files, 11, entries(11, 12));
    files.read({ from: 9, to: 12 });
    await files.close();
    assert.deepEqual(events.read, [entries(9, 12).map(plain)]);
    assert.deepEqual(names(directory), ['ledger_11']);
  });

  for (const [cut, left] of [
    [24, ['ledger_1-10', 'ledger_11-20', 'ledger_21']],
    [20, ['ledger_1-10', 'ledger_11-20', 'ledger_21.ignored']],
    [13, ['ledger_1-10', 'ledger_11', 'ledger_21.ignored']],
    [4, ['ledger_1', 'ledger_11-20.ignored', 'ledger_21.ignored']],
  ] as const) {
    test(`after truncation at ${cut} the ledger goes on from there`, async (t) => {
      const directory = temporaryDirectory(t);
      await write(directory, 25, [10, 20]);
      const { files, events } = open(directory);
      files.truncate(cut);
      await files.idle();
      assert.deepEqual(names(directory), left);
      append(files, cut + 1, entries(cut + 1, cut + 3));
      await files.close();
      assert.deepEqual(events.failed, []);
      assert.deepEqual(await readAll(directory), entries(1, cut + 3).map(plain));
    });
  }

  test('what is committed is never cut', async (t) => {
    const directory = temporaryDirectory(t);
    await write(directory, 10, [10]);
    const { files, events } = open(directory);
    files.committed(10);
    files.truncate(4);
    append(files, 5, entries(5, 5));
    await files.close();
    assert.match(events.failed[0]!.message, /ledger_1-10\.committed: to be cut after 4, but it is committed/);
    assert.deepEqual(events.appended, [], 'nothing is acknowledged after a failure');
    assert.deepEqual(names(directory), ['ledger_1-10.committed']);
  });

  test('a ledger that begins after a snapshot keeps what was committed before it, and nothing else', async (t) => {
    const directory = temporaryDirectory(t);
    await write(directory, 35, [10, 20, 30]);
    const { files, events } = open(directory);
    files.committed(20);
    files.begin(100);
    append(files, 101, entries(101, 105));
    for (const from of [1, 15, 21, 60, 101]) files.read({ from, to: 105 });
    await files.close();
    assert.deepEqual(events.failed, []);
    assert.deepEqual(events.appended, [105]);
    const read = events.read.map((found) => found.length);
    assert.deepEqual(read, [20, 6, 0, 0, 5]);
    assert.deepEqual(names(directory), [
      'ledger_1-10.committed',
      'ledger_101',
      'ledger_11-20.committed',
      'ledger_21-30.ignored',
      'ledger_31.ignored',
    ]);
    assert.throws(() => open(directory), {
      code: 'Ledger',
      message: /ledger_11-20\S+ ends at 20, but \S+ledger_101 begins at 101: entries 21 to 100 are missing/,
    });
    const again = open(directory, [], true);
    assert.equal(again.files.last, 105);
    append(again.files, 106, entries(106, 106), true);
    await again.files.close();
    assert.deepEqual(again.events.failed, []);
  });

  test('a ledger that begins after a snapshot within a committed chunk sets that chunk aside', async (t) => {
    const directory = temporaryDirectory(t);
    await write(directory, 20, [10, 20]);
    const { files, events } = open(directory);
    files.committed(20);
    files.begin(15);
    append(files, 16, entries(16, 17));
    await files.close();
    assert.deepEqual(events.failed, []);
    assert.deepEqual(
      names(directory),
      ['ledger_1-10.committed', 'ledger_16', 'ledger_11-20.committed.ignored'].sort(),
    );
  });

  test('what a joined node lacks is read from a read-only directory, though it holds more', async (t) => {
    const [old, own] = [temporaryDirectory(t), temporaryDirectory(t)];
    await write(old, 30, [10, 20, 30]);
    const before = open(old);
    before.files.committed(30);
    await before.files.close();
    const { files, events } = open(own, [old]);
    assert.equal(files.last, 30);
    files.begin(15);
    append(files, 16, entries(16, 18));
    files.read({ from: 1, to: 100 });
    await files.close();
    assert.deepEqual(events.failed, []);
    assert.deepEqual(events.read[0], entries(1, 18).map(plain));
  });

  test('committed chunks may be moved to a read-only directory at any time, or put there', async (t) => {
    const [own, lent, away] = [temporaryDirectory(t), temporaryDirectory(t), temporaryDirectory(t)];
    await write(own, 25, [10, 20]);
    const { files, events } = open(own, [lent]);
    const read = async (from: number, to: number) => {
      files.read({ from, to });
      await files.idle();
      return events.read.pop()!;
    };
    files.committed(20);
    assert.deepEqual(await read(1, 25), entries(1, 25));
    renameSync(join(own, 'ledger_1-10.committed'), join(lent, 'ledger_1-10.committed'));
    assert.deepEqual(await read(1, 25), entries(1, 25));
    renameSync(join(lent, 'ledger_1-10.committed'), join(away, 'ledger_1-10.committed'));
    assert.deepEqual(events.unreadable, []);
    assert.deepEqual(await read(1, 25), []);
    assert.match(events.unreadable[0]!, /ledger_1-10\.committed/);
    assert.deepEqual(await read(11, 25), entries(11, 25));
    await files.close();
    // Whoever begins after a snapshot never had them.
    const joined = open(away, [lent], true);
    joined.files.begin(20);
    append(joined.files, 21, entries(21, 22));
    renameSync(join(own, 'ledger_11-20.committed'), join(lent, 'ledger_11-20.committed'));
    joined.files.read({ from: 11, to: 22 });
    await joined.files.close();
    assert.deepEqual(joined.events.read[0], entries(11, 22));
    assert.deepEqual([...events.failed, ...joined.events.failed], []);
  });

  test('a write that fails is fatal and acknowledges nothing', async (t) => {
    const directory = temporaryDirectory(t);
    const { files, events } = open(directory);
    writeFileSync(join(directory, 'ledger_1'), 'in the way');
    append(files, 1, entries(1, 2));
    append(files, 3, entries(3, 3));
    await files.close();
    assert.equal(events.failed.length, 1);
    assert.equal(events.failed[0]!.code, 'Write');
    assert.deepEqual(events.appended, []);
  });
});

describe('a write cut short', () => {
  test('is cut off at any byte of the last entry, and the ledger goes on', async (t) => {
    const directory = temporaryDirectory(t);
    await write(directory, 4);
    const path = join(directory, 'ledger_1');
    const whole = readFileSync(path);
    const begin = whole.length - entry(4).length;
    for (let size = begin + 1; size < whole.length; size += 1) {
      writeFileSync(path, whole.subarray(0, size));
      const { files } = open(directory);
      assert.equal(files.last, 3, `cut at ${size}`);
      assert.match(files.repairs.join(), new RegExp(`cut off ${size - begin} bytes .* at ${begin}`));
      append(files, 4, entries(4, 4));
      await files.close();
      assert.deepEqual(readFileSync(path), whole, `cut at ${size}`);
    }
  });

  test('in a file that holds nothing yet leaves an empty ledger', async (t) => {
    const directory = temporaryDirectory(t);
    const path = join(directory, 'ledger_1');
    const whole = Buffer.concat([Buffer.alloc(8), entry(1)]);
    for (let size = 0; size < whole.length; size += 1) {
      writeFileSync(path, whole.subarray(0, size));
      const { files, events } = open(directory);
      assert.equal(files.last, 0);
      append(files, 1, entries(1, 1));
      await files.close();
      assert.deepEqual(events.failed, [], `cut at ${size}`);
      assert.deepEqual(readFileSync(path), whole, `cut at ${size}`);
    }
  });

  test('that left only zeros behind is cut off', async (t) => {
    const directory = temporaryDirectory(t);
    await write(directory, 4);
    const path = join(directory, 'ledger_1');
    writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.alloc(5000)]));
    assert.deepEqual(await readAll(directory), entries(1, 4).map(plain));
  });

  test('while a chunk was completed is put right at every step', async (t) => {
    const directory = temporaryDirectory(t);
    await write(directory, 6, [6]);
    const complete = readFileSync(join(directory, 'ledger_1-6'));
    const table = Number(complete.readBigUInt64LE(0));
    rmSync(join(directory, 'ledger_1-6'));
    const path = join(directory, 'ledger_1');
    const open8 = Buffer.concat([Buffer.alloc(8), complete.subarray(8)]);
    for (let size = table; size <= complete.length; size += 1) {
      writeFileSync(path, open8.subarray(0, size));
      const { files } = open(directory);
      assert.equal(files.last, 6, `table of ${size - table} bytes`);
      await files.close();
      assert.equal(readFileSync(path).length, table);
    }
    writeFileSync(path, complete);
    assert.deepEqual(await readAll(directory), entries(1, 6).map(plain), 'only the name was missing');
    assert.deepEqual(names(directory), ['ledger_1-6']);
  });
});

describe('damage elsewhere', () => {
  /** Opens and reads everything: the error met on the way, or null. */
  async function damage(directory: string): Promise<Error | null> {
    try {
      const { files, events } = open(directory);
      files.read({ from: 1, to: 100, needed: true });
      await files.close();
      return events.failed[0] ?? null;
    } catch (error) {
      return error as Error;
    }
  }

  test('ends nothing while entries are read that are not needed: they are as if they were not there', async (t) => {
    const directory = temporaryDirectory(t);
    await write(directory, 25, [10, 20]);
    const path = join(directory, 'ledger_11-20');
    const bytes = readFileSync(path);
    bytes[8]! ^= 1;
    writeFileSync(path, bytes);
    const { files, events } = open(directory);
    for (const from of [1, 11, 12]) files.read({ from, to: 25 });
    append(files, 26, entries(26, 27));
    await files.close();
    assert.deepEqual(events.read, [entries(1, 10), [], entries(12, 25)]);
    assert.equal(events.unreadable.length, 2);
    for (const why of events.unreadable) assert.match(why, /ledger_11-20: offset 8: there is no entry 11/);
    assert.deepEqual(events.failed, []);
    assert.deepEqual(events.appended, [27]);
  });

  test('a changed byte in the frame of an entry is refused, naming file and offset', async (t) => {
    const directory = temporaryDirectory(t);
    await write(directory, 9, [5]);
    for (const [name, seqno, offset] of [
      ['ledger_1-5', 2, 8 + entry(1).length],
      ['ledger_6', 7, 8 + entry(6).length],
    ] as const) {
      const path = join(directory, name);
      const whole = readFileSync(path);
      // Version, size, and the seqno in the initialisation vector.
      for (const at of [0, 2, 3, 4, 24, 25]) {
        const changed = Buffer.from(whole);
        changed[offset + at]! ^= 0x10;
        writeFileSync(path, changed);
        const error = await damage(directory);
        assert.ok(error instanceof HostError, `${name} byte ${at}: ${error}`);
        const named = new RegExp(`${name}: offset (\\d+)`).exec(error.message);
        // A changed size that stays within the file is noticed where the next entry should begin.
        assert.ok(Number(named?.[1]) >= offset, `entry ${seqno} byte ${at}: ${error.message}`);
      }
      writeFileSync(path, whole);
    }
    assert.equal(await damage(directory), null);
  });

  test('a changed byte of a header or table of positions is refused', async (t) => {
    const directory = temporaryDirectory(t);
    await write(directory, 9, [5]);
    const path = join(directory, 'ledger_1-5');
    const whole = readFileSync(path);
    const table = Number(whole.readBigUInt64LE(0));
    for (const at of [0, 1, 7, ...Array.from({ length: whole.length - table }, (_, i) => table + i)]) {
      const changed = Buffer.from(whole);
      changed[at]! ^= 0x10;
      writeFileSync(path, changed);
      const error = await damage(directory);
      assert.ok(error instanceof HostError, `byte ${at}`);
      assert.match(error.message, /ledger_1-5: offset \d+/);
    }
  });

  for (const [what, change, message] of [
    [
      'a missing chunk',
      (d: string) => rmSync(join(d, 'ledger_4-6')),
      /ledger_1-3 ends at 3, but .*ledger_7 begins at 7/,
    ],
    [
      'a complete chunk cut short',
      (d: string) => truncateSync(join(d, 'ledger_1-3'), 100),
      /ledger_1-3: offset 0/,
    ],
    ['two open chunks', (d: string) => writeFileSync(join(d, 'ledger_99'), Buffer.alloc(8)), /are both open/],
  ] as const) {
    test(`${what} is refused`, async (t) => {
      const directory = temporaryDirectory(t);
      await write(directory, 8, [3, 6]);
      change(directory);
      assert.throws(() => open(directory), { code: 'Ledger', message });
    });
  }

  test('other files of the directory are left alone', async (t) => {
    const directory = temporaryDirectory(t);
    await write(directory, 3);
    writeFileSync(join(directory, 'notes.txt'), 'hello');
    writeFileSync(join(directory, 'ledger_2.ignored'), 'set aside');
    assert.deepEqual(await readAll(directory), entries(1, 3).map(plain));
  });
});

/** Entries read are views on a larger buffer; compare what they hold. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}
