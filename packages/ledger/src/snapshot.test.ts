import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesToByteString, type MapName, type Row, Store } from '@coco/kv';
import fc from 'fast-check';
import { SampleService } from '../../../tests/vectors/ledger/sample-service.ts';
import {
  buildSnapshot,
  LedgerError,
  LedgerSecrets,
  loadSnapshot,
  parseSnapshotName,
  readSnapshot,
  snapshotEvidence,
  snapshotName,
  snapshotSteps,
  splitSnapshot,
  ViewHistory,
} from './index.ts';

interface Example {
  readonly service: SampleService;
  readonly file: Uint8Array;
  readonly seqno: number;
  readonly state: Map<MapName, Row[]>;
}

function contentOf(service: SampleService, seqno: number) {
  const { view, leaf } = service.entry(seqno);
  return {
    txId: { view, seqno },
    leaf,
    viewHistory: service.views.toArray(seqno),
    state: service.store.at(seqno),
  };
}

const rowsOf = (maps: Iterable<[MapName, Iterable<Row>]>): Map<MapName, Row[]> =>
  new Map(Array.from(maps, ([name, rows]) => [name, [...rows]]));

/**
 * A service with a snapshot taken at a signature, its evidence recorded, signed and appended as a receipt.
 */
function example(): Example {
  const service = new SampleService().open();
  for (let i = 0; i < 20; i++) service.record(`key ${i}`, `${'v'.repeat(i)}\xff\0`);
  service.write(new Map([['records', new Map<string, string | null>([['key 3', null]])]]));
  const { seqno } = service.sign();
  service.store.retain();
  const state = service.store.at(seqno);
  const rows = new Map(Array.from(state.maps(), (map) => [map, [...state.range(map)]]));
  const sealed = buildSnapshot(contentOf(service, seqno), service.secrets);
  const { writeSet, claimsDigest } = snapshotEvidence(sealed, seqno);
  const evidence = service.write(writeSet, claimsDigest);
  service.sign();
  const receipt = Buffer.from(JSON.stringify(service.receipt(evidence.seqno)));
  return { service, file: Uint8Array.from(Buffer.concat([sealed.bytes, receipt])), seqno, state: rows };
}

const { service, file, seqno, state } = example();
const cert = service.serviceCert.pem;

test('a snapshot restores maps with their versions, the tree and the views', () => {
  const loaded = loadSnapshot(file, cert, service.secrets);
  assert.deepEqual(loaded.txId, { view: 2, seqno });
  assert.deepEqual(loaded.evidence.txId, { view: 2, seqno: seqno + 1 });
  assert.deepEqual(rowsOf(loaded.maps), state);
  assert.deepEqual(new ViewHistory(loaded.viewHistory).toArray(), [1, 1]);
  assert.equal(loaded.history.size, seqno + 1);
  assert.equal(loaded.history.root(), service.history.root(seqno + 1));
  const store = Store.from(loaded.txId.seqno, loaded.maps);
  assert.equal(store.at(seqno).get('records', 'key 4'), 'vvvv\xff\0');
});

test('entries after the snapshot go on from its tree', () => {
  const { history } = loadSnapshot(file, cert);
  for (const { leaf } of service.entries.slice(seqno)) history.append(leaf);
  assert.equal(history.root(), service.history.root());
  assert.deepEqual(history.proof(seqno + 1), service.history.proof(seqno + 1));
});

test('without secrets only the public maps are read', () => {
  const names = [...rowsOf(loadSnapshot(file, cert).maps).keys()];
  assert.ok(names.length > 3 && names.every((name) => name.startsWith('public:')));
  assert.equal(Buffer.from(file).includes('key 4'), false);
});

test('a snapshot made in slices is the one made at once, and no slice is longer than asked', () => {
  const content = contentOf(service, seqno);
  const whole = buildSnapshot(content, service.secrets);
  const steps = snapshotSteps(content, service.secrets, 64);
  let slices = 0;
  for (;;) {
    const step = steps.next();
    if (step.done === true) {
      assert.equal(step.value.digest, whole.digest);
      break;
    }
    slices++;
  }
  assert.ok(slices > 10, `${slices} slices`);
});

test('a snapshot is refused when any bit of it is flipped (sample)', () => {
  for (let bit = 0; bit < file.length * 8; bit += 97) {
    const flipped = Uint8Array.from(file);
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    assert.throws(() => loadSnapshot(flipped, cert, service.secrets), LedgerError, `bit ${bit}`);
  }
});

test('a snapshot without receipt, or with that of another, is refused', () => {
  const { entry, receipt } = splitSnapshot(file);
  assert.throws(() => loadSnapshot(entry, cert), { step: 'snapshot-digest' });
  const foreign = Buffer.from(JSON.stringify(service.receipt(seqno - 2)));
  assert.throws(() => loadSnapshot(Buffer.concat([entry, foreign]), cert), { step: 'claims' });
  const other = new SampleService().serviceCert.pem;
  assert.throws(() => loadSnapshot(file, other), { step: 'node-certificate' });
  assert.throws(() => loadSnapshot(Buffer.concat([entry, receipt, receipt]), cert), {
    code: 'MalformedReceipt',
  });
});

test('only a signature can be made a snapshot of', () => {
  const store = new Store();
  store.apply(1, new Map([['m', new Map([['k', 'v']])]]));
  const content = { ...contentOf(service, seqno), state: store.at(1) };
  assert.throws(() => buildSnapshot(content, service.secrets), { code: 'InvalidArgument' });
});

test('another secret does not open it', () => {
  const secrets = new LedgerSecrets();
  secrets.add(0, new Uint8Array(32));
  assert.throws(() => loadSnapshot(file, cert, secrets), { code: 'DecryptionFailed' });
});

test('hostile snapshots are read or refused with a LedgerError, whatever is iterated', () => {
  const { entry } = splitSnapshot(file);
  const hostile = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.nat(entry.length - 1).map((length) => entry.slice(0, length)),
    fc
      .array(fc.tuple(fc.nat(entry.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 })
      .map((changes) => changes.reduce((copy, [at, byte]) => copy.with(at, byte), Uint8Array.from(entry))),
    // Eight bytes of a size or version, blown up.
    fc.tuple(fc.nat(1000), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })).map(([at, value]) => {
      const copy = Uint8Array.from(entry);
      new DataView(copy.buffer).setBigUint64(44 + at, value, true);
      return copy;
    }),
  );
  fc.assert(
    fc.property(hostile, (bytes) => {
      try {
        rowsOf(readSnapshot(bytes).maps);
      } catch (error) {
        assert.ok(error instanceof LedgerError, String(error));
      }
    }),
    { numRuns: 500 },
  );
});

test('rows of any bytes come back', () => {
  const bytes = fc.uint8Array({ maxLength: 30 }).map(bytesToByteString);
  const { writeSet } = service.entry(seqno);
  const maps = fc.array(
    fc.tuple(fc.string({ maxLength: 8 }), fc.array(fc.tuple(bytes, bytes), { maxLength: 5 })),
    {
      maxLength: 4,
    },
  );
  fc.assert(
    fc.property(maps, (content) => {
      const store = new Store();
      store.apply(1, new Map(content.map(([name, rows]) => [name, new Map(rows)])));
      store.apply(seqno, writeSet);
      const state = store.at(seqno);
      const sealed = buildSnapshot({ ...contentOf(service, seqno), state }, service.secrets);
      const expected = new Map(Array.from(state.maps(), (map) => [map, [...state.range(map)]]));
      assert.deepEqual(
        new Map([...rowsOf(readSnapshot(sealed.bytes, service.secrets).maps)].sort()),
        new Map([...expected].sort()),
      );
    }),
    { numRuns: 50 },
  );
});

test('names of snapshot files are read and written', () => {
  for (const name of ['snapshot_100_105', 'snapshot_100_105.committed']) {
    assert.equal(snapshotName(parseSnapshotName(name)!), name);
  }
  for (const name of [
    'snapshot_1',
    'snapshot_5_5',
    'snapshot_5_4.committed',
    'snapshot_1_2.tmp',
    'ledger_1-2',
  ]) {
    assert.equal(parseSnapshotName(name), undefined, name);
  }
});
