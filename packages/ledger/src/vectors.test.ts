import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fromHex, importPrivateKey, toHex } from '@coco/crypto';
import { type ByteString, byteStringToBytes, bytesToByteString, type WriteSet } from '@coco/kv';
import {
  Auditor,
  decodeEntry,
  encodeEntry,
  History,
  isSignature,
  LedgerSecrets,
  loadSnapshot,
  parseChunkName,
  parseSnapshotName,
  type Receipt,
  readChunk,
  revealCommitEvidence,
  verifyCoseReceipt,
  verifyReceipt,
} from './index.ts';

interface Entry {
  readonly view: number;
  readonly seqno: number;
  readonly bytes: string;
  readonly maps: {
    readonly map: string;
    readonly writes: { readonly key: string; readonly value: string | null }[];
  }[];
  readonly writeSetDigest: string;
  readonly commitEvidence: string;
  readonly claimsDigest: string;
  readonly leaf: string;
}

interface Vectors {
  readonly keys: { readonly service: string; readonly ledgerSecret: string };
  readonly serviceCert: string;
  readonly nodeId: string;
  readonly entries: readonly Entry[];
  readonly roots: readonly { readonly leaves: number; readonly root: string }[];
  readonly trees: readonly { readonly seqno: number; readonly tree: string }[];
  readonly chunks: readonly { readonly name: string; readonly bytes: string }[];
  readonly receipts: readonly Receipt[];
  readonly signatureReceipt: Receipt;
  readonly refusedReceipts: readonly { readonly step: string; readonly receipt: unknown }[];
  readonly coseReceipt: string;
  readonly snapshot: { readonly name: string; readonly bytes: string; readonly digest: string };
}

const path = join(import.meta.dirname, '../../../tests/vectors/ledger/ledger.json');
const vectors = JSON.parse(readFileSync(path, 'utf8')) as Vectors;
const secrets = new LedgerSecrets();
secrets.add(0, fromHex(vectors.keys.ledgerSecret));

const hex = (bytes: ByteString): string => toHex(byteStringToBytes(bytes));
const unhex = (digits: string): ByteString => bytesToByteString(fromHex(digits));
const writeSetOf = ({ maps }: Entry): WriteSet =>
  new Map(
    maps.map(({ map, writes }) => [
      map,
      new Map(writes.map(({ key, value }) => [unhex(key), value === null ? null : unhex(value)])),
    ]),
  );

test('entries decode to the maps they write, and have these digests', () => {
  for (const vector of vectors.entries) {
    const entry = decodeEntry(fromHex(vector.bytes), secrets);
    assert.deepEqual(new Map([...entry.writeSet].sort()), new Map([...writeSetOf(vector)].sort()));
    assert.deepEqual([entry.view, entry.seqno], [vector.view, vector.seqno]);
    assert.equal(hex(entry.writeSetDigest), vector.writeSetDigest);
    assert.equal(hex(entry.claimsDigest), vector.claimsDigest);
    assert.equal(hex(entry.leaf), vector.leaf);
    assert.equal(revealCommitEvidence(entry, secrets), vector.commitEvidence);
  }
});

test('entries encode to these bytes', () => {
  for (const vector of vectors.entries) {
    const { view, seqno } = vector;
    const tx = { view, seqno, writeSet: writeSetOf(vector), claimsDigest: unhex(vector.claimsDigest) };
    assert.equal(toHex(encodeEntry(tx, secrets).bytes), vector.bytes);
  }
});

test('the Merkle tree has these roots and these serialisations', () => {
  const history = new History();
  for (const { seqno, leaf } of vectors.entries) {
    const { leaves, root } = vectors.roots[seqno - 1]!;
    assert.equal(leaves, history.size);
    assert.equal(hex(history.root()), root);
    const tree = vectors.trees.find((candidate) => candidate.seqno === seqno)?.tree;
    if (tree !== undefined) assert.equal(hex(History.deserialize(fromHex(tree)).root()), root);
    history.append(unhex(leaf));
  }
  assert.equal(vectors.trees.length, 3);
});

test('chunk files hold the entries, and their audit finds no problem', () => {
  const auditor = new Auditor({ trustedServiceCert: vectors.serviceCert });
  const found: string[] = [];
  for (const { name, bytes } of vectors.chunks) {
    for (const item of readChunk(fromHex(bytes), parseChunkName(name)!)) {
      assert.ok(item.kind === 'entry');
      found.push(toHex(item.bytes));
      auditor.feed(item.bytes, { file: name, offset: item.offset });
    }
  }
  assert.deepEqual(
    found,
    vectors.entries.map(({ bytes }) => bytes),
  );
  const { problems, lastSigned, signatures } = auditor.finish();
  assert.deepEqual(problems, []);
  const last = vectors.entries.at(-1)!;
  assert.deepEqual(lastSigned, { view: last.view, seqno: last.seqno });
  assert.equal(signatures, vectors.entries.filter((entry) => isSignature(writeSetOf(entry))).length);
});

test('receipts verify, and those to be refused are, at their step', () => {
  for (const [i, receipt] of vectors.receipts.entries()) {
    const { view, seqno, leaf } = vectors.entries[i]!;
    const verified = verifyReceipt(receipt, vectors.serviceCert, { txId: { view, seqno } });
    assert.ok(verified.kind === 'transaction');
    assert.equal(hex(verified.leaf), leaf);
    assert.equal(verified.nodeId, vectors.nodeId);
  }
  assert.equal(verifyReceipt(vectors.signatureReceipt, vectors.serviceCert).kind, 'signature');
  for (const { step, receipt } of vectors.refusedReceipts) {
    assert.throws(() => verifyReceipt(receipt, vectors.serviceCert), { step });
  }
  assert.equal(vectors.refusedReceipts.length, 7);
});

test('the COSE receipt verifies', () => {
  const { publicKey } = importPrivateKey(vectors.keys.service);
  const { transactions } = verifyCoseReceipt(fromHex(vectors.coseReceipt), publicKey);
  assert.deepEqual(
    transactions.map(({ txId }) => txId.seqno),
    [4, 5],
  );
});

test('the snapshot is loaded, with its evidence', () => {
  const { name, bytes, digest } = vectors.snapshot;
  const loaded = loadSnapshot(fromHex(bytes), vectors.serviceCert, secrets);
  assert.equal(hex(loaded.evidence.claimsDigest), digest);
  assert.deepEqual(parseSnapshotName(name), {
    seqno: loaded.txId.seqno,
    evidenceSeqno: loaded.evidence.txId.seqno,
    committed: true,
  });
  assert.equal(hex(loaded.history.root()), vectors.roots[loaded.txId.seqno]!.root);
  assert.deepEqual([...loaded.rows('records')], [{ key: 'third', value: '', version: 7 }]);
});
