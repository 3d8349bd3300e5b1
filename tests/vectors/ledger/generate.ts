// Writes ledger.json anew: `bin/runtime tests/vectors/ledger/generate.ts`. Keys are kept, signatures are not.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromHex, importPrivateKey, toHex } from '@coco/crypto';
import { type ByteString, byteStringToBytes } from '@coco/kv';
import {
  buildCoseReceipt,
  buildSignatureReceipt,
  buildSnapshot,
  ChunkWriter,
  parseCoseSignatureValue,
  parseRootSignature,
  type Receipt,
  singletonKey,
  snapshotEvidence,
  snapshotName,
  tables,
} from '@coco/ledger';
import { type SampleEntry, type SampleKeys, SampleService, sampleKeys } from './sample-service.ts';

const file = join(import.meta.dirname, 'ledger.json');
const hex = (bytes: ByteString): string => toHex(byteStringToBytes(bytes));

function keysKept(): SampleKeys {
  if (!existsSync(file)) return sampleKeys({ service: 'P-256', node: 'P-384' });
  const { keys } = JSON.parse(readFileSync(file, 'utf8'));
  return {
    service: importPrivateKey(keys.service),
    node: importPrivateKey(keys.node),
    secret: fromHex(keys.ledgerSecret),
  };
}

function describeEntry(entry: SampleEntry): object {
  const maps = [...entry.writeSet].map(([map, writes]) => ({
    map,
    writes: [...writes].map(([key, value]) => ({ key: hex(key), value: value === null ? null : hex(value) })),
  }));
  return {
    view: entry.view,
    seqno: entry.seqno,
    bytes: toHex(entry.bytes),
    maps,
    writeSetDigest: hex(entry.writeSetDigest),
    commitEvidence: entry.commitEvidence,
    claimsDigest: hex(entry.claimsDigest),
    leaf: hex(entry.leaf),
  };
}

function chunk(entries: readonly SampleEntry[]): { name: string; bytes: string } {
  const writer = new ChunkWriter(entries[0]!.seqno);
  for (const { bytes } of entries) writer.append(bytes.length);
  const { header, table, name } = writer.complete();
  const bytes = Buffer.concat([header, ...entries.map((entry) => entry.bytes), table]);
  return { name: `${name}.committed`, bytes: toHex(bytes) };
}

function refusedReceipts(receipt: Receipt, other: Receipt): object[] {
  const components = receipt.leaf_components!;
  const [step, ...proof] = receipt.proof;
  const evidence = components.commit_evidence.replace(/^ce:[0-9.]+:/, 'ce:2.99:');
  return [
    { step: 'root-signature', receipt: { ...receipt, proof } },
    { step: 'root-signature', receipt: { ...receipt, signature: other.signature, proof: [step, step] } },
    {
      step: 'root-signature',
      receipt: { ...receipt, leaf_components: { ...components, commit_evidence: evidence } },
    },
    { step: 'claims', receipt: { ...receipt, leaf_components: { ...components, claims_digest: undefined } } },
    {
      step: 'transaction-id',
      receipt: { ...receipt, leaf_components: { ...components, commit_evidence: 'ce:2.4' } },
    },
    { step: 'node', receipt: { ...receipt, node_id: '00'.repeat(32) } },
    { step: 'shape', receipt: { ...receipt, leaf: components.claims_digest } },
  ];
}

function generate(): object {
  const keys = keysKept();
  const service = new SampleService(keys).open();
  service.record('first', 'a private value');
  service.write(new Map([['public:log', new Map([['\x01\x02', 'public \xff bytes']])]]));
  service.write(
    new Map([
      ['records', new Map<string, string | null>([['first', null]])],
      [
        'public:log',
        new Map<string, string | null>([
          ['second', ''],
          ['\x01\x02', null],
        ]),
      ],
    ]),
  );
  service.record('third', '');
  const signature = service.sign();
  const { writeSet } = signature;
  service.store.retain();
  const { view, seqno, leaf } = signature;
  const viewHistory = service.views.toArray();
  const content = { txId: { view, seqno }, leaf, viewHistory, state: service.store.at(seqno) };
  const snapshot = buildSnapshot(content, service.secrets);
  const evidence = snapshotEvidence(snapshot, seqno);
  const evidenceSeqno = service.write(evidence.writeSet, evidence.claimsDigest).seqno;
  service.view = 4;
  service.sign();

  const coseSignature = parseCoseSignatureValue(writeSet.get(tables.coseSignatures)!.get(singletonKey)!);
  const covered = service.entries.slice(0, seqno - 1).map((entry) => entry.seqno);
  const proofs = [4, 5].map((at) => ({ leaf: service.entry(at), path: service.history.proof(at, seqno) }));
  const nodeSignature = parseRootSignature(writeSet.get(tables.signatures)!.get(singletonKey)!);
  const snapshotReceipt = Buffer.from(JSON.stringify(service.receipt(evidenceSeqno)));
  return {
    keys: {
      service: keys.service.exportPem(),
      node: keys.node.exportPem(),
      ledgerSecret: toHex(keys.secret),
    },
    serviceCert: service.serviceCert.pem,
    nodeId: service.nodeId,
    nodeCert: service.nodeCert.pem,
    entries: service.entries.map(describeEntry),
    roots: service.entries.map((_, i) => ({ leaves: i + 1, root: hex(service.history.root(i + 1)) })),
    trees: service.entries
      .filter((entry) => entry.writeSet.has(tables.tree))
      .map((entry) => ({
        seqno: entry.seqno,
        tree: hex(entry.writeSet.get(tables.tree)!.get(singletonKey)!),
      })),
    chunks: [chunk(service.entries.slice(0, seqno)), chunk(service.entries.slice(seqno))],
    receipts: covered.map((at) => service.receipt(at)),
    signatureReceipt: buildSignatureReceipt({ ...nodeSignature, nodeCert: service.nodeCert.pem }),
    refusedReceipts: refusedReceipts(service.receipt(4), service.receipt(1)),
    coseReceipt: toHex(buildCoseReceipt(coseSignature, proofs)),
    snapshot: {
      name: snapshotName({ seqno, evidenceSeqno, committed: true }),
      bytes: toHex(Buffer.concat([snapshot.bytes, snapshotReceipt])),
      digest: hex(snapshot.digest),
      viewHistory,
    },
  };
}

writeFileSync(file, `${JSON.stringify(generate(), null, 1)}\n`);
