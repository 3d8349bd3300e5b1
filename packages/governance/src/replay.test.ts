import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sha256, sha256Hex } from '@coco/crypto';
import { Store, type Tx } from '@coco/kv';
import fc from 'fast-check';
import { admitOnce } from './replay.ts';
import { recentProposals } from './tables/proposals.ts';
import { serviceConfiguration } from './tables/service.ts';

function remembering(window: number): Tx {
  const tx = new Store().begin();
  serviceConfiguration.set(tx, { recovery_threshold: 1, recent_cose_proposals_window_size: window });
  return tx;
}

let counter = 0;
function admit(tx: Tx, createdAt: number, signature = sha256(`${counter++}`)): string {
  const refusal = admitOnce(tx, { createdAt, signature, proposalId: `p${createdAt}` });
  if (refusal === undefined) return 'admitted';
  const { error } = JSON.parse(String(refusal.body)) as { error: { code: string; message: string } };
  return `${refusal.status} ${error.code}: ${error.message}`;
}

describe('the replay window', () => {
  test('admits a signature once and names the proposal it made', () => {
    const tx = remembering(10);
    assert.equal(admit(tx, 100, sha256('a')), 'admitted');
    const again = admit(tx, 100, sha256('a'));
    assert.equal(again, '400 ProposalReplay: Proposal submission replay, already exists as proposal p100');
    assert.deepEqual([...recentProposals.keys(tx)], [`0000000100:${sha256Hex(sha256('a'))}`]);
  });

  test('refuses what is older than the median of those remembered', () => {
    const tx = remembering(10);
    for (const time of [10, 20, 30, 40]) assert.equal(admit(tx, time), 'admitted');
    assert.match(admit(tx, 29), /ProposalCreatedTooLongAgo.*must be greater than 0000000030$/);
    assert.equal(admit(tx, 30), 'admitted');
  });

  test('forgets the oldest beyond its size, and those cannot come again either', () => {
    const tx = remembering(3);
    for (const time of [10, 20, 30, 40, 50]) assert.equal(admit(tx, time, sha256(`t${time}`)), 'admitted');
    assert.deepEqual(
      [...recentProposals.keys(tx)].map((key) => Number(key.split(':')[0])),
      [30, 40, 50],
    );
    assert.match(admit(tx, 10, sha256('t10')), /ProposalCreatedTooLongAgo/);
  });

  test('refuses a time that has more than ten digits', () => {
    assert.match(admit(remembering(3), 10_000_000_000), /^400 InvalidCreatedAt/);
    assert.equal(admit(remembering(3), 9_999_999_999), 'admitted');
  });

  test('whatever came before, the same signed proposal is never admitted twice', () => {
    const times = fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 40 });
    fc.assert(
      fc.property(times, fc.integer({ min: 1, max: 5 }), (sequence, window) => {
        const tx = remembering(window);
        const admitted = new Set<string>();
        for (const time of sequence) {
          const signature = sha256(`${time % 7}`);
          const key = `${time}:${time % 7}`;
          if (admit(tx, time, signature) !== 'admitted') continue;
          assert.ok(!admitted.has(key), `${key} was admitted twice`);
          admitted.add(key);
          assert.ok(recentProposals.size(tx) <= window);
        }
      }),
      { numRuns: 60 },
    );
  });
});
