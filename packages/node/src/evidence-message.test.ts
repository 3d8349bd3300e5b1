// What a node sends to renew its evidence comes from another machine: read, then verified, whatever is in it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { quoteFormats } from '@coco/attestation';
import {
  leaseChallenge,
  type NodeInfo,
  nodeInfos,
  nodePolicies,
  nodeStandings,
  type QuoteInfo,
  renewLease,
} from '@coco/governance';
import { Store, type Tx } from '@coco/kv';
import fc from 'fast-check';
import { NodeError } from './errors.ts';
import { decodeWire, encodeWire } from './wire.ts';

const id = 'ab'.repeat(32);
const root = 'cd'.repeat(32);
const now = Date.parse('2026-06-01T00:00:00Z');
const vectors = new URL('../../../tests/vectors/attestation/', import.meta.url);
const base64 = (file: string) => readFileSync(new URL(file, vectors)).toString('base64');

/** Evidence of every format, as it is when nothing is wrong with it but whose it is. */
const evidence: readonly QuoteInfo[] = [
  { format: quoteFormats.snp, quote: base64('snp/v3/report.bin'), endorsements: base64('snp/v3/chain.pem') },
  {
    format: quoteFormats.tdx,
    quote: base64('tdx/v4/quote.bin'),
    endorsements: base64('tdx/v4/collateral.json'),
  },
  {
    format: quoteFormats.sgx,
    quote: base64('sgx/v3/quote.bin'),
    endorsements: base64('sgx/v3/collateral.json'),
  },
  { format: quoteFormats.nitro, quote: base64('nitro/document/document.cose'), endorsements: '' },
  { format: quoteFormats.virtual, quote: base64('virtual/statement/virtual.json'), endorsements: '' },
];

/** A trusted node whose evidence is due. */
function service(): Tx {
  const tx = new Store().begin();
  const accepted = { measurements: ['00'] };
  nodePolicies.set(tx, {
    platforms: { snp: {}, tdx: accepted, sgx: accepted, nitro: accepted, virtual: {} },
    lease: { seconds: 60 },
  });
  nodeInfos.set(tx, id, { status: 'Trusted' } as NodeInfo);
  leaseChallenge.set(tx, { seqno: 1, root, made: 0 });
  return tx;
}

function outcome(message: Uint8Array): 'malformed' | 'refused' | 'admitted' {
  try {
    const renewal = decodeWire(message);
    if (renewal.kind !== 'evidence') return 'malformed';
    const tx = service();
    const { kind } = renewLease(tx, id, renewal, { now });
    assert.equal(nodeStandings.has(tx, id), kind === 'admitted');
    return kind;
  } catch (error) {
    assert.ok(error instanceof NodeError && error.code === 'MessageMalformed', `${error}`);
    return 'malformed';
  }
}

const words = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.base64String({ maxLength: 40 }),
  fc.constant(null),
  fc.nat(),
);

test('evidence in a message is refused, whatever is in its place, and crashes nothing', (t) => {
  const seen = { malformed: 0, refused: 0, admitted: 0 };
  const look = (message: Uint8Array) => {
    seen[outcome(message)] += 1;
  };
  const given = fc.constantFrom(...evidence);
  // Bytes of the message.
  fc.assert(
    fc.property(given, fc.nat(), fc.integer({ min: 1, max: 255 }), fc.boolean(), (one, at, flip, isCut) => {
      const whole = encodeWire({ kind: 'evidence', evidence: one, root });
      const place = at % whole.length;
      if (isCut) look(whole.subarray(0, place));
      else look(whole.map((byte, index) => (index === place ? byte ^ flip : byte)));
    }),
    { numRuns: 300, seed: 11 },
  );
  // Members of the evidence: other values, those of another platform, bytes that were cut.
  fc.assert(
    fc.property(
      given,
      given,
      fc.constantFrom('format', 'quote', 'endorsements', 'uvm_endorsements'),
      words,
      (one, other, key, word) => {
        const changed = [
          { ...one, [key]: word },
          { ...one, [key]: other[key as 'quote'] ?? '' },
        ];
        for (const quote of changed)
          look(encodeWire({ kind: 'evidence', evidence: quote as QuoteInfo, root }));
      },
    ),
    { numRuns: 200, seed: 12 },
  );
  fc.assert(
    fc.property(given, fc.nat(), fc.integer({ min: 1, max: 255 }), (one, at, flip) => {
      const bytes = Buffer.from(one.quote, 'base64');
      bytes[at % bytes.length]! ^= flip;
      look(encodeWire({ kind: 'evidence', evidence: { ...one, quote: bytes.toString('base64') }, root }));
    }),
    { numRuns: 300, seed: 13 },
  );
  assert.equal(seen.admitted, 0);
  assert.ok(seen.malformed > 50 && seen.refused > 500);
  t.diagnostic(`${seen.malformed} messages malformed, ${seen.refused} pieces of evidence refused`);
});
