import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generateKeyPair } from '@coco/crypto';
import { Store } from '@coco/kv';
import { encryptToTrustedNodes, givesNextSecret } from '../recovery/ledger-secrets.ts';
import { nodeInfos, nodeStandings, suspendedNodes } from '../tables/nodes.ts';
import { encryptedLedgerSecrets } from '../tables/secrets.ts';
import { nodeRecord } from '../testing/consortium.ts';
import { virtualClaims } from '../testing/platform.ts';
import { mayHoldSecrets } from './secret-holders.ts';

const claims = virtualClaims('aa'.repeat(32));
const encryption_pub_key = generateKeyPair({ kind: 'RSA', bits: 2048 }).publicKey.pem;
const raw = new Uint8Array(32);

test('a new ledger secret goes to those that may hold it, and the others are without for good', () => {
  const tx = new Store().begin();
  const standing = { claims, verified: 0 };
  const lowered = { since: 0, from: 'vote' } as const;
  const rows = {
    voter: { ...standing, role: 'vote' },
    reader: { ...standing, role: 'secrets' },
    auditor: { ...standing, role: 'verify' },
    graced: { ...standing, role: 'verify', lowered },
    last: { ...standing, role: 'verify' },
  } as const;
  for (const [id, row] of Object.entries(rows)) {
    nodeInfos.set(tx, id, { ...nodeRecord('pem'), status: 'Trusted', encryption_pub_key });
    nodeStandings.set(tx, id, row);
  }
  for (const id of ['reader', 'auditor', 'graced']) suspendedNodes.add(tx, id);
  const given = encryptToTrustedNodes(tx, [{ raw }]);
  assert.deepEqual(Object.keys(given).sort(), ['graced', 'last', 'reader', 'voter']);
  encryptedLedgerSecrets.set(tx, given);
  assert.ok(givesNextSecret(tx));
  encryptedLedgerSecrets.set(tx, encryptToTrustedNodes(tx, [{ from: 7, raw }]));
  assert.ok(!givesNextSecret(tx));
  // Whatever the policy lets it do later.
  nodeStandings.set(tx, 'auditor', { ...nodeStandings.require(tx, 'auditor'), role: 'vote' });
  suspendedNodes.delete(tx, 'auditor');
  assert.equal(mayHoldSecrets(tx, 'auditor'), false);
});
