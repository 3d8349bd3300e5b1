import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aesGcmSeal, hmacSha256, importAesKey, sha256, sha256ByteString, toHex } from '@coco/crypto';
import { byteStringToBytes, bytesToByteString, type MapWrites, type WriteSet } from '@coco/kv';
import fc from 'fast-check';
import {
  commitEvidence,
  decodeEntry,
  encodeEntries,
  encodeEntry,
  entryFlags,
  LedgerError,
  LedgerSecrets,
  noClaims,
  revealCommitEvidence,
} from './index.ts';

const raw = Uint8Array.from({ length: 32 }, (_, i) => i);

function secretsOf(...from: number[]): LedgerSecrets {
  const secrets = new LedgerSecrets();
  for (const seqno of from)
    secrets.add(
      seqno,
      raw.map((byte) => byte ^ (seqno & 0xff)),
    );
  return secrets;
}

const secrets = secretsOf(0);
const byteStrings = fc.uint8Array({ maxLength: 40 }).map(bytesToByteString);
const mapNames = fc.oneof(
  fc.constantFrom('public:a', 'public:ccf.gov.x', 'a', 'ключ', 'public:'),
  fc.string({ maxLength: 12 }),
);
const mapWrites: fc.Arbitrary<MapWrites> = fc
  .array(fc.tuple(byteStrings, fc.option(byteStrings)), { maxLength: 5 })
  .map((writes) => new Map(writes));
const writeSets: fc.Arbitrary<WriteSet> = fc
  .array(fc.tuple(mapNames, mapWrites), { maxLength: 5 })
  .map((maps) => new Map(maps));

/** Writes before removals, public maps before private ones: what a decoder can know of the order. */
function canonical(writeSet: WriteSet): [string, [string, string | null][]][] {
  const maps = [...writeSet].map(([name, writes]): [string, [string, string | null][]] => [
    name,
    [...writes].sort(([, a], [, b]) => Number(a === null) - Number(b === null)),
  ]);
  return maps.sort(([a], [b]) => Number(b.startsWith('public:')) - Number(a.startsWith('public:')));
}

test('what was encoded is decoded', () => {
  const claims = fc.option(fc.uint8Array({ minLength: 32, maxLength: 32 }).map(bytesToByteString), {
    nil: undefined,
  });
  const seqnos = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
  fc.assert(
    fc.property(
      writeSets,
      fc.integer({ min: 1, max: 0x7fffffff }),
      seqnos,
      claims,
      (writeSet, view, seqno, claimsDigest) => {
        const sealed = encodeEntry(
          { view, seqno, writeSet, claimsDigest, flags: entryFlags.forceChunkAfter },
          secrets,
        );
        const entry = decodeEntry(sealed.bytes, secrets);
        assert.deepEqual(canonical(entry.writeSet), canonical(writeSet));
        assert.deepEqual([entry.view, entry.seqno, entry.type, entry.flags], [view, seqno, 4, 1]);
        assert.equal(entry.claimsDigest, claimsDigest ?? noClaims);
        assert.equal(entry.leaf, sealed.leaf);
        assert.equal(entry.writeSetDigest, sealed.writeSetDigest);
        assert.equal(entry.commitEvidenceDigest, sha256ByteString(sealed.commitEvidence));
        const onlyPublic = canonical(writeSet).filter(([name]) => name.startsWith('public:'));
        assert.deepEqual(canonical(decodeEntry(sealed.bytes).writeSet), onlyPublic);
      },
    ),
    { numRuns: 200 },
  );
});

/** The format written out longhand, from docs/ledger-format.md. */
function longhand(): Uint8Array {
  const u64 = (value: number) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(value));
    return bytes;
  };
  const sized = (text: string) => Buffer.concat([u64(text.length), Buffer.from(text)]);
  const commitSecret = hmacSha256(raw, Buffer.from('Commit Secret Label'));
  // 258 is the third of the block of 64 seqnos that begins at 256, block 4.
  const nonceIv = Buffer.from('000000030000000000000004', 'hex');
  const nonces = aesGcmSeal(importAesKey(commitSecret), nonceIv, Buffer.alloc(64 * 32), Buffer.of());
  const evidence = `ce:3.258:${toHex(nonces.ciphertext.subarray(2 * 32, 3 * 32))}`;
  const publicDomain = Buffer.concat([
    Buffer.of(4),
    u64(258),
    Buffer.alloc(32, 'c'),
    sha256(Buffer.from(evidence)),
    u64(0),
    ...[sized('public:m'), u64(0), u64(0), u64(1), sized('k'), sized('v'), u64(1), sized('gone')],
  ]);
  const privateDomain = Buffer.concat([
    sized('m'),
    u64(0),
    u64(0),
    u64(1),
    sized('key'),
    sized('value'),
    u64(0),
  ]);
  const iv = Buffer.concat([u64(258), Buffer.of(3, 0, 0, 0)]);
  const { ciphertext, tag } = aesGcmSeal(importAesKey(raw), iv, privateDomain, publicDomain);
  const body = Buffer.concat([tag, iv, u64(publicDomain.length), publicDomain, ciphertext]);
  return Uint8Array.from(Buffer.concat([Buffer.of(1, 2), u64(body.length).subarray(0, 6), body]));
}

const example = {
  view: 3,
  seqno: 258,
  claimsDigest: 'c'.repeat(32),
  flags: entryFlags.forceChunkBefore,
  writeSet: new Map([
    ['m', new Map([['key', 'value']])],
    [
      'public:m',
      new Map<string, string | null>([
        ['gone', null],
        ['k', 'v'],
      ]),
    ],
  ]) as WriteSet,
};

test('an entry is, byte for byte, what the format says', () => {
  const sealed = encodeEntry(example, secrets);
  assert.equal(toHex(sealed.bytes), toHex(longhand()));
  const [writeSetDigest, evidenceDigest] = [sha256(sealed.bytes), sha256(Buffer.from(sealed.commitEvidence))];
  const leaf = sha256(Buffer.concat([writeSetDigest, evidenceDigest, Buffer.alloc(32, 'c')]));
  assert.equal(sealed.leaf, bytesToByteString(leaf));
  assert.equal(sealed.commitEvidence, commitEvidence(example, secrets));
});

test('entries of a batch are those encoded one by one, and lie back to back', () => {
  const txs = Array.from({ length: 50 }, (_, i) => ({ ...example, seqno: i + 1 }));
  const { bytes, entries } = encodeEntries(txs, secrets);
  const singles = txs.map((tx) => encodeEntry(tx, secrets));
  assert.deepEqual(
    entries.map(({ leaf }) => leaf),
    singles.map(({ leaf }) => leaf),
  );
  assert.equal(toHex(bytes), singles.map((single) => toHex(single.bytes)).join(''));
});

test('entries keep their bytes while thousands more are encoded, small and large', () => {
  const sealed = Array.from({ length: 2000 }, (_, i) => {
    const value = 'v'.repeat(i % 100 === 0 ? 100_000 : i % 50);
    const writeSet = new Map([['m', new Map([['k', value]])]]);
    return { writeSet, entry: encodeEntry({ view: 2, seqno: i + 1, writeSet }, secrets) };
  });
  for (const { writeSet, entry } of sealed) {
    assert.equal(sha256ByteString(entry.bytes), entry.writeSetDigest);
    assert.deepEqual(decodeEntry(entry.bytes, secrets).writeSet, writeSet);
  }
});

test('an entry with any one bit flipped is refused or has another leaf', () => {
  const { bytes, leaf } = encodeEntry(example, secrets);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = Uint8Array.from(bytes);
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    // Only the leaf vouches for flags and for what is read without secrets.
    for (const known of [undefined, secrets]) {
      try {
        assert.notEqual(decodeEntry(flipped, known).leaf, leaf, `bit ${bit}`);
        assert.ok(known === undefined || bit >> 3 === 1, `bit ${bit} passed decryption`);
      } catch (error) {
        if (!(error instanceof LedgerError)) throw error;
      }
    }
  }
});

test('hostile bytes are decoded or refused with a LedgerError', () => {
  const { bytes } = encodeEntry(example, secrets);
  const hostile = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.nat(bytes.length).map((length) => bytes.slice(0, length)),
    fc
      .array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 })
      .map((changes) => changes.reduce((copy, [at, byte]) => copy.with(at, byte), Uint8Array.from(bytes))),
    // Fields of length and count, which sit on the boundaries of the domain, blown up.
    fc
      .tuple(
        fc.constantFrom(2, 36, 44 + 81, 44 + 81 + 16 + 16, 44 + 81 + 16 + 24),
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      )
      .map(([at, value]) => {
        const copy = Uint8Array.from(bytes);
        new DataView(copy.buffer).setBigUint64(at, value, true);
        return copy;
      }),
  );
  fc.assert(
    fc.property(hostile, (input) => {
      try {
        decodeEntry(input);
      } catch (error) {
        assert.ok(error instanceof LedgerError && error.offset !== undefined, String(error));
      }
    }),
    { numRuns: 1000 },
  );
});

test('each secret serves from its seqno until the next one begins', () => {
  const both = secretsOf(0, 10);
  for (const [seqno, reader] of [
    [9, secretsOf(0)],
    [10, secretsOf(10)],
    [11, secretsOf(10)],
  ] as const) {
    const { bytes } = encodeEntry({ ...example, seqno }, both);
    assert.equal(decodeEntry(bytes, reader).writeSet.get('m')?.get('key'), 'value');
  }
  const { bytes } = encodeEntry({ ...example, seqno: 9 }, both);
  assert.throws(() => decodeEntry(bytes, secretsOf(10)), { code: 'MissingSecret' });
  assert.throws(() => decodeEntry(encodeEntry({ ...example, seqno: 10 }, both).bytes, secretsOf(0)), {
    code: 'DecryptionFailed',
  });
});

test('a rolled back rekey takes its secret with it', () => {
  const both = secretsOf(0, 10);
  both.truncateAfter(9);
  assert.equal([...both.entries()].length, 2, 'the rekey at 9 stays');
  both.truncateAfter(8);
  assert.deepEqual(
    [...both.entries()].map(([from]) => from),
    [0],
  );
});

test('secrets may come in any order, once each, and do not show', () => {
  const known = secretsOf(10, 0, 5);
  assert.deepEqual(
    [...known.entries()].map(([from]) => from),
    [0, 5, 10],
  );
  assert.throws(() => known.add(5, raw), { code: 'InvalidArgument' });
  assert.throws(() => known.add(6, raw.slice(1)), { code: 'MalformedSecret' });
  assert.equal(JSON.stringify(known), '{}');
});

test('older entries, without claims or evidence, are read and have their shorter leaves', () => {
  const domainStart = 44;
  const build = (type: number, digests: number): Uint8Array => {
    const publicDomain = new Uint8Array(1 + 8 + 32 * digests + 8);
    publicDomain[0] = type;
    publicDomain[1] = 7;
    const bytes = new Uint8Array(domainStart + publicDomain.length);
    bytes.set([1, 0, bytes.length - 8]);
    bytes[24] = 7;
    bytes[32] = 2;
    bytes[36] = publicDomain.length;
    bytes.set(publicDomain, domainStart);
    return bytes;
  };
  const plain = build(0, 0);
  assert.equal(decodeEntry(plain).leaf, sha256ByteString(plain));
  const evidence = build(3, 1);
  assert.equal(decodeEntry(evidence).leaf, sha256ByteString(sha256ByteString(evidence) + '\0'.repeat(32)));
  for (const [type, digests] of [
    [1, 0],
    [2, 1],
    [5, 2],
  ] as const) {
    assert.throws(() => decodeEntry(build(type, digests)), { code: 'MalformedEntry' });
  }
});

test('the evidence of an entry read back is revealed, also when CCF wrote it', () => {
  const { bytes, commitEvidence: evidence } = encodeEntry(example, secrets);
  assert.equal(revealCommitEvidence(decodeEntry(bytes), secrets), evidence);
  const nonce = toHex(hmacSha256(hmacSha256(raw, Buffer.from('Commit S')), Buffer.from('3.258')));
  const commitEvidenceDigest = sha256ByteString(`ce:3.258:${nonce}`);
  const byCcf = { view: 3, seqno: 258, commitEvidenceDigest };
  assert.equal(revealCommitEvidence(byCcf, secrets), `ce:3.258:${nonce}`);
  assert.throws(() => revealCommitEvidence({ ...byCcf, view: 4 }, secrets), { code: 'VerificationFailed' });
});

test('no two transactions share a nonce, and each has the same one whenever asked', () => {
  const txIds = [1, 2].flatMap((view) => Array.from({ length: 300 }, (_, i) => ({ view, seqno: i + 1 })));
  const evidence = txIds.map((txId) => commitEvidence(txId, secrets));
  assert.equal(new Set(evidence.map((text) => text.split(':')[2])).size, txIds.length);
  const backwards = txIds.toReversed().map((txId) => commitEvidence(txId, secretsOf(0)));
  assert.deepEqual(backwards.toReversed(), evidence);
  assert.match(evidence[0]!, /^ce:1\.1:[0-9a-f]{64}$/);
});

test('a claims digest of another length and a view beyond 31 bits are refused', () => {
  assert.throws(() => encodeEntry({ ...example, claimsDigest: 'short' }, secrets), {
    code: 'InvalidArgument',
  });
  assert.throws(() => encodeEntry({ ...example, view: 2 ** 31 }, secrets), { code: 'LimitExceeded' });
  assert.ok(byteStringToBytes(noClaims).every((byte) => byte === 0));
});
