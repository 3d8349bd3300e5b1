// Audiences at home with their parties: three nodes of three companies, of which two deal.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Consortium } from '../testing/companies.ts';

const secret = 'two hundred sacks of rye at 41.70';

/** Whether any of these stands in a text as bytes, sealed or not. */
function assertHoldsNothing(held: string, parcels: ReadonlyMap<string, Uint8Array>): void {
  assert.ok(!held.includes(secret), 'the plain text');
  assert.ok(!held.includes('order-77'), 'the key');
  for (const [path, bytes] of parcels) {
    const sealed = Buffer.from(bytes).toString('latin1');
    for (let at = 0; at + 16 <= sealed.length; at += 16)
      assert.ok(!held.includes(sealed.slice(at, at + 16)), `the ciphertext of ${path}`);
  }
}

describe('what only the parties keep', () => {
  test('is on their nodes and on no other, and the parties read it wherever they ask', () => {
    const market = new Consortium({ snapshotEvery: 20 });
    const { bank, mill, baker } = market.nodes;
    market.place('mill', mill, 'order-77', ['mill', 'baker'], secret);
    for (const node of [mill, baker])
      assert.equal(node.parcels.size, 3, 'the row, the claims, and their key');
    assert.deepEqual([...mill.parcels.keys()].sort(), [...baker.parcels.keys()].sort());
    for (const node of [bank, mill, baker]) {
      for (const company of ['mill', 'baker'] as const) {
        assert.equal(market.read(company, node, 'order-77'), secret, `${company} at ${node.name}`);
      }
      assert.equal(market.ask('bank', node, 'GET', '/app/deals/order-77').status, 404);
    }
    market.cluster.pass(2_000);
    assert.ok(bank.snapshots.size > 0);
    assert.equal(bank.parcels.size, 0);
    assertHoldsNothing(market.atRest(bank), mill.parcels);
    assert.throws(() => assertHoldsNothing(market.atRest(mill), mill.parcels), /the ciphertext/);
    for (const [seqno, entry] of bank.ledger) assert.deepEqual(entry, mill.ledger.get(seqno), 'one ledger');
  });
});
