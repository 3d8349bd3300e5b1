import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { buildSnapshot, snapshotEvidence } from '@coco/ledger';
import { SampleService } from '../../../../tests/vectors/ledger/sample-service.ts';
import { diagnose, staleness } from './diagnose.ts';
import { LedgerFiles } from './ledger-files.ts';
import { committedSnapshots } from './snapshot-files.ts';

/** A service with a snapshot of seqno 24, and entries behind it. */
function sample() {
  const service = new SampleService().open();
  for (let i = 0; i < 20; i += 1) service.record(`key ${i}`, `value ${i}`);
  const { leaf, seqno, view } = service.sign();
  service.store.retain();
  const state = service.store.at(seqno);
  const content = { txId: { view, seqno }, leaf, viewHistory: service.views.toArray(seqno), state };
  const sealed = buildSnapshot(content, service.secrets);
  const { writeSet, claimsDigest } = snapshotEvidence(sealed, seqno);
  const evidence = service.write(writeSet, claimsDigest);
  service.sign();
  const receipt = Buffer.from(JSON.stringify(service.receipt(evidence.seqno)));
  return { service, seqno, snapshot: Buffer.concat([sealed.bytes, receipt]) };
}

const { seqno, service, snapshot } = sample();
const all = service.entries.map(({ bytes }) => bytes);

/** Files of the sample: entries from `from` on, and the snapshot. */
async function files(
  t: TestContext,
  from: number,
  entries: readonly Uint8Array[],
  file: Uint8Array = snapshot,
) {
  const directory = mkdtempSync(join(tmpdir(), 'coco-diagnose-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const failed = (error: Error) => assert.fail(error);
  const quiet = { appended() {}, entriesRead() {}, unreadable: assert.fail, slow() {}, failed };
  const options = { directory, readOnlyDirectories: [], mayHaveGaps: true, slowMs: 10_000 };
  const ledger = new LedgerFiles(options, quiet);
  if (from > 1) ledger.begin(from - 1);
  ledger.append({ from, entries, endsChunk: false, mayWait: false });
  await ledger.close();
  writeFileSync(join(directory, `snapshot_${seqno}_${seqno + 1}.committed`), file);
  const { pem: serviceCertificatePem } = service.serviceCert;
  return {
    chunks: [join(directory, `ledger_${from}`)],
    snapshots: committedSnapshots([directory]),
    serviceCertificatePem,
  };
}

/** The bytes with one bit of their middle turned. */
function bent(bytes: Uint8Array): Buffer {
  const copy = Buffer.from(bytes);
  copy[copy.length >> 1]! ^= 1;
  return copy;
}

test('sound files are not complained about, from the first entry or after a snapshot', async (t) => {
  assert.deepEqual(diagnose(await files(t, 1, all)), []);
  assert.deepEqual(diagnose(await files(t, seqno + 1, all.slice(seqno))), []);
});

test('a changed snapshot is named, with the step that refused it', async (t) => {
  const found = diagnose(await files(t, 1, all, bent(snapshot)));
  assert.equal(found.length, 1);
  assert.match(found[0]!, /snapshot_\d+_\d+\.committed: /);
});

test('a ledger that begins after a snapshot which is not sound says what it needs', async (t) => {
  const found = diagnose(await files(t, seqno + 1, all.slice(seqno), bent(snapshot)));
  assert.match(
    found.join('\n'),
    new RegExp(`ledger_${seqno + 1}: the ledger begins at ${seqno + 1}, and no sound snapshot`),
  );
});

test('a changed entry behind a snapshot is named, with file and offset', async (t) => {
  const entries = all.slice(seqno).map((bytes, i) => (i === 0 ? bent(bytes) : bytes));
  const found = diagnose(await files(t, seqno + 1, entries));
  assert.match(
    found.join('\n'),
    new RegExp(`ledger_${seqno + 1}: offset 8: entry|ledger_${seqno + 1}: offset \\d+`),
  );
});

test('a ledger that is older than a snapshot shows it', async (t) => {
  const { snapshots } = await files(t, 1, all.slice(0, 10));
  assert.equal(staleness(all.length, snapshots), null);
  assert.equal(staleness(0, []), null);
  assert.match(
    staleness(10, snapshots)!,
    new RegExp(`ends at 10, but .* up to ${seqno + 1} were committed once`),
  );
});

test('damage that no signature is over is named in the last one, which nothing else proves', async (t) => {
  const last = Buffer.from(all.at(-1)!);
  last[last.indexOf('hashed_nonce') + 'hashed_nonce":"'.length]! ^= 64;
  const [line] = diagnose(await files(t, 1, [...all.slice(0, -1), last]));
  assert.match(
    line!,
    new RegExp(`ledger_1: offset \\d+: entry ${all.length}: .* is a signature and has a nonce`),
  );
});
