import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { generateKeyPair, sha256ByteString } from '@coco/crypto';
import fc from 'fast-check';
import { serviceCertificate } from '../../../tests/vectors/ledger/sample-service.ts';
import { signCoseRoot } from './cose-signature.ts';
import {
  formatTxId,
  LedgerError,
  type StandingProof,
  type StandingRecord,
  Standings,
  verifyStanding,
} from './index.ts';

const serviceKey = generateKeyPair('P-256');
const serviceCert = serviceCertificate(serviceKey).pem;
const asOf = { view: 3, seqno: 1000 };
const root = sha256ByteString('the ledger up to here');

/** A service in which every third transaction from 2.3 on was undone, and some of them are in force again. */
function standingsOf(count: number): Standings {
  return new Standings(
    Array.from({ length: count }, (_, i): StandingRecord => {
      const seqno = 3 + 3 * i;
      const standing = i % 4 === 3 ? 'restored' : 'undone';
      return { txId: { view: 2, seqno }, standing, by: { view: 3, seqno: 500 + i } };
    }),
  );
}

function proofOf(standings: Standings, seqno: number): StandingProof {
  const cose = signCoseRoot({
    root,
    txId: asOf,
    serviceKey,
    cose: { issuer: 'service.example.com', subject: 'ledger.signature' },
    nowSeconds: 1_800_000_000,
    standing: standings.root,
  });
  const proof = standings.prove({ view: 2, seqno }, { txId: asOf, cose, root });
  return JSON.parse(JSON.stringify(proof)) as StandingProof;
}

const rejects = (proof: unknown, message?: RegExp) =>
  assert.throws(
    () => verifyStanding(proof, serviceCert),
    (error: unknown) => error instanceof LedgerError && (message?.test(error.message) ?? true),
  );

describe('a proof of standing', () => {
  for (const count of [0, 1, 2, 3, 5, 8, 13]) {
    test(`tells of every transaction whether it is one of ${count}`, () => {
      const standings = standingsOf(count);
      for (let seqno = 1; seqno <= 3 * count + 5; seqno++) {
        const at = seqno % 3 === 0 ? seqno / 3 - 1 : -1;
        const isRecorded = at >= 0 && at < count;
        const { as_of: _, ...proof } = { ...proofOf(standings, seqno) };
        const verified = verifyStanding({ ...proof, as_of: formatTxId(asOf) }, serviceCert, {
          txId: { view: 2, seqno },
        });
        assert.equal(verified.standing, isRecorded && at % 4 !== 3 ? 'undone' : 'in-force', `2.${seqno}`);
        assert.deepEqual(verified.by, isRecorded ? { view: 3, seqno: 500 + at } : undefined);
        assert.deepEqual(verified.asOf, asOf);
      }
    });
  }

  test('of one transaction is none of another', () => {
    const proof = proofOf(standingsOf(5), 6);
    assert.throws(() => verifyStanding(proof, serviceCert, { txId: { view: 2, seqno: 7 } }), /not of 2\.7/);
    rejects({ ...proof, transaction_id: '2.7' });
    rejects({ ...proof, transaction_id: '3.6' }, /another view/);
  });

  test('says nothing of what came later', () => {
    rejects({ ...proofOf(standingsOf(0), 6), transaction_id: '3.1001' }, /came after/);
    rejects({ ...proofOf(standingsOf(5), 4), transaction_id: '4.4' }, /came after/);
  });

  test('cannot leave out the record, nor show others in its place', () => {
    const standings = standingsOf(5);
    const undone = proofOf(standings, 6);
    const { by: _, ...rest } = undone;
    rejects({ ...rest, standing: 'in-force' });
    rejects({ ...rest, standing: 'in-force', records: [] }, /shows no record/);
    const beside = proofOf(standings, 7).records;
    rejects({ ...rest, standing: 'in-force', records: [beside[0]] });
    const [left] = proofOf(standings, 5).records;
    const [, right] = proofOf(standings, 8).records;
    rejects({ ...rest, standing: 'in-force', records: [left, right] }, /do not show/);
    rejects({ ...proofOf(standings, 1), records: [] });
    rejects({ ...proofOf(standings, 99), records: [left] }, /do not show/);
  });

  test('holds under its own service and signature alone', () => {
    const proof = proofOf(standingsOf(5), 6);
    const stranger = serviceCertificate(generateKeyPair('P-384')).pem;
    assert.throws(() => verifyStanding(proof, stranger), /trusted service key/);
    rejects({ ...proof, signature: proofOf(standingsOf(4), 6).signature });
    rejects({ ...proof, root: '00'.repeat(32) });
    rejects({ ...proof, as_of: '3.999' }, /the signature is of/);
  });

  test('with anything changed is refused, or says the same of the same place in another view', () => {
    const proof = proofOf(standingsOf(6), 7);
    const text = JSON.stringify(proof);
    // Of what was never undone there is no record, and so nothing that says in which view it was.
    const otherViews = text.replace('"2.7"', '"1.7"');
    assert.deepEqual(verifyStanding(JSON.parse(otherViews), serviceCert).txId, { view: 1, seqno: 7 });
    fc.assert(
      fc.property(fc.nat({ max: text.length - 1 }), fc.constantFrom(...'0aZ."{}[],1'), (at, character) => {
        if (text[at] === character) return;
        const changed = text.slice(0, at) + character + text.slice(at + 1);
        if (changed === otherViews) return;
        let json: unknown;
        try {
          json = JSON.parse(changed);
        } catch {
          return;
        }
        rejects(json);
      }),
      { numRuns: 1500 },
    );
  });

  test('of hostile shape is refused, whatever it is', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => rejects(value)),
      { numRuns: 500 },
    );
  });
});
