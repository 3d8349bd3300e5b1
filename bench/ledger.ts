// Times the hot verbs of packages/ledger: `bin/runtime bench/ledger.ts`.
import { aesGcmSeal, importAesKey, sha256ByteString } from '@coco/crypto';
import type { WriteSet } from '@coco/kv';
import {
  Auditor,
  ChunkWriter,
  decodeEntry,
  encodeEntries,
  encodeEntry,
  History,
  LedgerSecrets,
  parseChunkName,
  readChunk,
  verifyReceipt,
} from '@coco/ledger';
import { SampleService, sampleKeys } from '../tests/vectors/ledger/sample-service.ts';
import { type Result, table } from './result.ts';

const roundsOf = 5;

/**
 * Microseconds of processor time per call, the best of some rounds: the machine may be shared, and noise only
 * ever adds. Wall time would count what others do meanwhile.
 */
function microseconds(calls: number, body: (i: number) => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < roundsOf; round++) {
    const start = process.cpuUsage();
    for (let i = 0; i < calls; i++) body(i);
    const { user, system } = process.cpuUsage(start);
    best = Math.min(best, (user + system) / calls);
  }
  return Math.round(best * 100) / 100;
}

const value = 'x'.repeat(200);
const privateWrite = (i: number): WriteSet => new Map([['records', new Map([[`key-${i}`, value]])]]);
const publicWrite = (i: number): WriteSet => new Map([['public:records', new Map([[`key-${i}`, value]])]]);

function secrets(): LedgerSecrets {
  const known = new LedgerSecrets();
  known.add(0, new Uint8Array(32).fill(7));
  return known;
}

function entryRows(): Result[] {
  const known = secrets();
  const calls = 20_000;
  const encode = (writeSet: (i: number) => WriteSet) => (i: number) =>
    encodeEntry({ view: 2, seqno: i + 1, writeSet: writeSet(i) }, known);
  const batch = 100;
  const encodeBatch = (i: number) => {
    const txs = Array.from({ length: batch }, (_, n) => ({
      view: 2,
      seqno: i * batch + n + 1,
      writeSet: privateWrite(n),
    }));
    encodeEntries(txs, known);
  };
  const { bytes } = encodeEntry({ view: 2, seqno: 5, writeSet: privateWrite(5) }, known);
  return [
    {
      name: 'encodeEntry, 200-byte private write',
      value: microseconds(calls, encode(privateWrite)),
      unit: 'us',
      budget: 9,
    },
    {
      name: 'encodeEntry, 200-byte public write',
      value: microseconds(calls, encode(publicWrite)),
      unit: 'us',
    },
    {
      name: 'encodeEntries, per entry of 100',
      value: Math.round((microseconds(calls / batch, encodeBatch) / batch) * 100) / 100,
      unit: 'us',
      budget: 9,
    },
    {
      name: 'decodeEntry with secrets',
      value: microseconds(calls, () => decodeEntry(bytes, known)),
      unit: 'us',
    },
    { name: 'decodeEntry without', value: microseconds(calls, () => decodeEntry(bytes)), unit: 'us' },
  ];
}

function floorRows(): Result[] {
  const key = importAesKey(new Uint8Array(32));
  const iv = new Uint8Array(12);
  const plaintext = new Uint8Array(268);
  const aad = new Uint8Array(81);
  const entry = new Uint8Array(400);
  return [
    {
      name: 'floor: aesGcmSeal alone',
      value: microseconds(20_000, () => aesGcmSeal(key, iv, plaintext, aad)),
      unit: 'us',
    },
    {
      name: 'floor: SHA-256 of 400 bytes',
      value: microseconds(20_000, () => sha256ByteString(entry)),
      unit: 'us',
    },
  ];
}

function historyRows(): Result[] {
  const leaf = sha256ByteString('leaf');
  const calls = 50_000;
  let history = new History();
  const append = microseconds(calls, (i) => {
    if (i === 0) history = new History();
    history.append(leaf);
  });
  const proof = microseconds(5_000, (i) => void history.proof(1 + i * 7));
  const root = microseconds(5_000, () => void history.root());
  return [
    { name: 'History.append', value: append, unit: 'us', budget: 1 },
    { name: 'History.root of 50,000 leaves', value: root, unit: 'us' },
    { name: 'History.proof among 50,000 leaves', value: proof, unit: 'us' },
  ];
}

function verificationRows(): Result[] {
  const rows: Result[] = [];
  for (const curve of ['P-256', 'P-384'] as const) {
    const service = new SampleService(sampleKeys({ node: curve, service: curve })).open();
    for (let i = 0; i < 1000; i++) service.record(`key-${i}`, value);
    const sign = microseconds(1, () => void service.sign());
    const receipt = service.receipt(500);
    const verify = microseconds(50, () => void verifyReceipt(receipt, service.serviceCert.pem));
    rows.push({ name: `signature entry, ${curve}`, value: sign, unit: 'us' });
    rows.push({ name: `verifyReceipt, ${curve}`, value: verify, unit: 'us' });
    if (curve === 'P-256') rows.push(auditRow(service), chunkRow(service));
  }
  return rows;
}

function auditRow(service: SampleService): Result {
  const each = microseconds(1, () => {
    const auditor = new Auditor();
    for (const { bytes } of service.entries) auditor.feed(bytes);
    if (auditor.finish().problems.length > 0) throw new Error('the sample ledger has problems');
  });
  return { name: 'audit', value: Math.round((service.entries.length * 1e6) / each), unit: 'entries/s' };
}

function chunkRow(service: SampleService): Result {
  const writer = new ChunkWriter(1);
  for (const { bytes } of service.entries) writer.append(bytes.length);
  const { header, table, name } = writer.complete();
  const file = Buffer.concat([header, ...service.entries.map(({ bytes }) => bytes), table]);
  const each = microseconds(1, () => {
    let count = 0;
    for (const item of readChunk(file, parseChunkName(name)!)) if (item.kind === 'entry') count++;
    if (count !== service.entries.length) throw new Error('entries are missing');
  });
  return { name: 'readChunk', value: Math.round((service.entries.length * 1e6) / each), unit: 'entries/s' };
}

/** Runs every measurement; a few seconds. */
export function run(): Result[] {
  return [...floorRows(), ...entryRows(), ...historyRows(), ...verificationRows()];
}

if (import.meta.main) console.log(table(run()));
