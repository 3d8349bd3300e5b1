import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeEntry } from '@coco/ledger';
import { Outbox } from '../outbox.ts';
import { Cluster } from '../testing/cluster.ts';
import { put } from '../testing/service.ts';
import { PublicRecovery } from './recover.ts';

function recover(entries: readonly Uint8Array[], servicePem: string) {
  const recovery = new PublicRecovery(new Outbox());
  recovery.entriesRead(1, entries);
  recovery.entriesRead(entries.length + 1, []);
  return recovery.finish(servicePem);
}

/** The ledger of a node, which ends with a signature. */
function signedLedger() {
  const cluster = new Cluster();
  const node = cluster.start();
  put(cluster, node, 'kept');
  cluster.pass(200);
  const entries = [...node.ledger.values()];
  return { entries, last: entries.at(-1)!, secrets: node.node.replica?.secrets, pem: cluster.servicePem };
}

test('a bit flipped in the last signature is noticed, though nothing signs it', () => {
  const { entries, last, secrets, pem } = signedLedger();
  assert.equal(recover(entries, pem).lastSigned, entries.length);
  for (let at = 0; at < last.length; at += 7) {
    const damaged = last.slice();
    damaged[at]! ^= 1 << (at % 8);
    assert.throws(
      () => {
        recover([...entries.slice(0, -1), damaged], pem);
        // What signatures say nothing of the ledger secret vouches for, and that is read before the service opens.
        decodeEntry(damaged, secrets);
      },
      `bit ${at % 8} of byte ${at}`,
    );
  }
});

test('a signature that has lost its table is not taken for something nobody signed', () => {
  const { entries, last, pem } = signedLedger();
  for (const name of ['public:ccf.internal.signatures', 'public:ccf.internal.tree']) {
    const damaged = last.slice();
    damaged[Buffer.from(last).indexOf(name) + name.length - 1]! ^= 1;
    assert.throws(
      () => recover([...entries.slice(0, -1), damaged], pem),
      /is a signature and writes public:/,
    );
  }
});
