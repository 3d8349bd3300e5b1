import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { generateKeyPair, issueCertificate } from '@coco/crypto';
import {
  buildCoseReceipt,
  buildSignature,
  ChunkWriter,
  encodeEntry,
  History,
  LedgerSecrets,
  parseCoseSignatureValue,
  type SealedEntry,
  singletonKey,
  tables,
} from '@coco/ledger';
import { type Place, place } from '../testing/place.ts';

type WriteSet = Parameters<typeof encodeEntry>[0]['writeSet'];
const validity = { notBefore: Date.UTC(2026, 0), notAfter: Date.UTC(2036, 0) };

/** A small ledger: service and node, four writes, a signature, in two chunks. */
function written() {
  const serviceKey = generateKeyPair('P-256');
  const self = { subject: 'CN=Service', publicKey: serviceKey.publicKey, issuerKey: serviceKey, isCa: true };
  const service = issueCertificate({ ...self, issuerCert: 'self', serial: new Uint8Array([1]), ...validity });
  const nodeKey = generateKeyPair('P-256');
  const nodeId = nodeKey.publicKey.id;
  const node = issueCertificate({
    subject: 'CN=Node',
    publicKey: nodeKey.publicKey,
    issuerKey: serviceKey,
    issuerCert: service,
    serial: new Uint8Array([2]),
    ...validity,
  });
  const secrets = new LedgerSecrets();
  secrets.add(1, new Uint8Array(32).fill(7));
  const history = new History();
  const entries: SealedEntry[] = [];
  const append = (writeSet: WriteSet) => {
    const sealed = encodeEntry({ view: 2, seqno: entries.length + 1, writeSet }, secrets);
    history.append(sealed.leaf);
    entries.push({ ...sealed, bytes: sealed.bytes.slice() });
  };
  append(
    new Map([
      [tables.serviceInfo, new Map([[singletonKey, JSON.stringify({ status: 'Open', cert: service.pem })]])],
      [tables.nodesInfo, new Map([[nodeId, JSON.stringify({ status: 'Trusted' })]])],
      [tables.nodesEndorsedCertificates, new Map([[nodeId, node.pem]])],
    ]),
  );
  for (const id of [1, 2, 3])
    append(new Map([['public:log', new Map([[`${id}`, `{"msg":"number ${id}"}`]])]]));
  const proof = history.proof(3);
  const signature = buildSignature({
    view: 2,
    seqno: 5,
    history,
    nodeKey,
    nodeId,
    nodeCert: node.pem,
    serviceKey,
    cose: { issuer: 'issuer', subject: 'subject' },
    nowSeconds: 1,
    commit: { view: 2, seqno: 1 },
  });
  append(signature);
  const cose = parseCoseSignatureValue(signature.get(tables.coseSignatures)?.get(singletonKey) ?? '');
  return { entries, servicePem: service.pem, cose, proof };
}

/** Writes chunks of so many entries; the last one is left open. */
function write(here: Place, entries: readonly SealedEntry[], sizes: readonly number[]): void {
  mkdirSync(here.file('ledger'));
  let next = 0;
  for (const [index, size] of sizes.entries()) {
    const part = entries.slice(next, next + size);
    const writer = new ChunkWriter(next + 1);
    for (const { bytes } of part) writer.append(bytes.length);
    const bodies = part.map(({ bytes }) => bytes);
    const open = index === sizes.length - 1;
    const { header, name, table } = writer.complete();
    const pieces = open ? [writer.openHeader, ...bodies] : [header, ...bodies, table];
    writeFileSync(here.file(`ledger/${open ? writer.name : `${name}.committed`}`), Buffer.concat(pieces));
    next += size;
  }
}

function change(here: Place, file: string, edit: (bytes: Buffer) => Buffer): void {
  const path = here.file(`ledger/${file}`);
  writeFileSync(path, edit(readFileSync(path)));
}

test('a sound ledger is said to be sound, up to its last signature', async () => {
  using here = place();
  const { entries, servicePem } = written();
  write(here, entries, [2, 3]);
  writeFileSync(here.file('service.pem'), servicePem);
  const { code, value } = await here.json('ledger', 'verify', 'ledger', '--service-cert', 'service.pem');
  assert.deepEqual([code, value.sound, value.entries, value.lastSigned], [0, true, 5, '2.5']);
});

test('a flipped bit is found, with its file and offset', async () => {
  using here = place();
  write(here, written().entries, [2, 3]);
  change(here, 'ledger_3', (bytes) => {
    bytes[bytes.indexOf('number 3')] = 0x4e;
    return bytes;
  });
  const { code, value } = await here.json('ledger', 'verify', 'ledger');
  assert.deepEqual([code, value.sound], [1, false]);
  const { out } = await here.coco('ledger', 'verify', 'ledger');
  assert.match(out, /NOT sound/);
  assert.match(out, /first problem +ledger_3, offset \d+, entry 5/);
  assert.match(out, /root in 2\.5 is not that of the entries before/);
});

test('damage to the file itself is found, with its offset', async () => {
  using here = place();
  write(here, written().entries, [2, 3]);
  change(here, 'ledger_1-2.committed', (bytes) => {
    bytes[8] = 0x7f;
    return bytes;
  });
  const { code, out } = await here.coco('ledger', 'verify', 'ledger');
  assert.equal(code, 1);
  assert.match(out, /corrupt +ledger_1-2\.committed, offset 8/);
});

test('a write cut short at the very end is told, and is no damage', async () => {
  using here = place();
  write(here, written().entries, [2, 3]);
  change(here, 'ledger_3', (bytes) => bytes.subarray(0, bytes.length - 7));
  const { code, value } = await here.json('ledger', 'verify', 'ledger');
  assert.deepEqual([code, (value.broken as { kind: string }).kind, value.entries], [0, 'torn', 4]);
});

test('a chunk that is being completed is no damage', async () => {
  const { entries } = written();
  const writer = new ChunkWriter(1);
  for (const { bytes } of entries) writer.append(bytes.length);
  const { table } = writer.complete();
  for (let size = 1; size <= table.length; size++) {
    using here = place();
    write(here, entries, [5]);
    change(here, 'ledger_1', (bytes) => Buffer.concat([bytes, table.subarray(0, size)]));
    const { code, value } = await here.json('ledger', 'verify', 'ledger');
    const { kind } = value.broken as { kind: string };
    assert.deepEqual([code, kind, value.entries, value.problems], [0, 'torn', 5, []]);
  }
});

test('a missing chunk is told', async () => {
  using here = place();
  write(here, written().entries, [1, 2, 2]);
  const { value } = await here.json('ledger', 'list', 'ledger');
  assert.equal((value.chunks as unknown[]).length, 3);
  rmSync(here.file('ledger/ledger_2-3.committed'));
  const { code, out } = await here.coco('ledger', 'verify', 'ledger');
  assert.equal(code, 1);
  assert.match(out, /gap +ledger_4, offset 0: begins at 4, but 2 comes next/);
});

test('the ledger of another service is refused', async () => {
  using here = place();
  write(here, written().entries, [5]);
  writeFileSync(here.file('service.pem'), written().servicePem);
  const { code, out } = await here.coco('ledger', 'verify', 'ledger', '--service-cert', 'service.pem');
  assert.equal(code, 1);
  assert.match(out, /not of the trusted service/);
});

test('an entry is read in JSON', async () => {
  using here = place();
  write(here, written().entries, [2, 3]);
  const { value } = await here.json('ledger', 'read', 'ledger', '3');
  assert.equal(value.transactionId, '2.3');
  assert.deepEqual(value.maps, { 'public:log': { '2': { msg: 'number 2' } } });
  const range = await here.json('ledger', 'read', 'ledger', '1', '--to', '4');
  assert.equal((range.value.entries as unknown[]).length, 4);
  assert.equal((await here.coco('ledger', 'read', 'ledger', '99')).code, 1);
  assert.equal((await here.coco('ledger', 'read', 'ledger', '0')).code, 2);
});

test('a COSE receipt of the ledger is verified as well', async () => {
  using here = place();
  const { cose, entries, proof, servicePem } = written();
  const entry = entries[2];
  assert.ok(entry);
  writeFileSync(here.file('service.pem'), servicePem);
  writeFileSync(here.file('receipt.cose'), buildCoseReceipt(cose, [{ leaf: entry, path: proof }]));
  const words = ['receipt', 'verify', 'receipt.cose', '--service-cert', 'service.pem'];
  const { code, value } = await here.json(...words);
  assert.deepEqual([code, value.transaction], [0, '2.3']);
  const other = await here.json(...words, '--claims-digest', '11'.repeat(32));
  assert.deepEqual([other.code, other.value.step], [1, 'claims']);
});

test('a file that is no certificate is told by its name, and nothing is said of the ledger', async () => {
  using here = place();
  writeFileSync(here.file('cert.pem'), 'no certificate');
  const { code, error } = await here.coco('ledger', 'verify', '.', '--service-cert', 'cert.pem');
  assert.equal(code, 1);
  assert.match(error, /^coco: cert\.pem is no certificate in PEM/);
});
