import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fromBase64, generateKeyPair, rsaOaepUnwrap, shareIndex, shareWrappingKey } from '@coco/crypto';
import { Store, type Tx } from '@coco/kv';
import { type VersionedSecret, walkSecretChain } from '@coco/ledger';
import { memberEncryptionKeys, memberInfos, type RecoveryRole } from '../tables/members.ts';
import { nodeInfos } from '../tables/nodes.ts';
import { historicalLedgerSecret, recoveryShares, submittedShares } from '../tables/secrets.ts';
import { serviceConfiguration, serviceInfo } from '../tables/service.ts';
import { nodeRecord } from '../testing/consortium.ts';
import { makePerson, type Person, seededRandom } from '../testing/people.ts';
import { decryptForNode, finishRecovery, rekeyLedger } from './ledger-secrets.ts';
import {
  clearSubmittedShares,
  combineSubmittedShares,
  encryptedShareOf,
  issueShares,
  refreshShares,
  submitShare,
} from './shares.ts';

const random = seededRandom('shares');
const people = [0, 1, 2, 3].map((i) => makePerson(`p${i}`, i));
const [alice, bob, carol, dave] = people as [Person, Person, Person, Person];
const ledgerSecret = random(32);
/** The secret of the public ledger while it is recovered. */
const current: VersionedSecret = { from: 100, raw: random(32) };

function service(threshold: number, roles: readonly (RecoveryRole | undefined)[]): Tx {
  const tx = new Store().begin();
  serviceConfiguration.set(tx, { recovery_threshold: threshold });
  serviceInfo.set(tx, { cert: '', status: 'Open' });
  roles.forEach((role, i) => {
    const person = people[i] as Person;
    const stated = role === undefined ? {} : { recovery_role: role };
    memberInfos.set(tx, person.id, { status: 'Active', ...stated });
    memberEncryptionKeys.set(
      tx,
      person.id,
      (person.encryptionKey as never as { publicKey: { pem: string } }).publicKey.pem,
    );
  });
  return tx;
}

/** What a member does offline with the share it fetched. */
function decrypted(tx: Tx, person: Person): Uint8Array {
  const encrypted = encryptedShareOf(tx, person.id);
  assert.ok(encrypted !== undefined && person.encryptionKey !== undefined);
  return rsaOaepUnwrap(person.encryptionKey, fromBase64(encrypted));
}

const submit = (tx: Tx, person: Person, share = decrypted(tx, person)) =>
  submitShare(tx, { memberId: person.id, share, current, random });

describe('recovery shares', () => {
  test('any threshold of participants opens the ledger secret', () => {
    const tx = service(2, [undefined, undefined, 'Participant', 'NonParticipant']);
    issueShares(tx, { ledgerSecret, random });
    assert.equal(encryptedShareOf(tx, dave.id), undefined);
    for (const pair of [
      [alice, bob],
      [bob, carol],
      [carol, alice],
    ]) {
      clearSubmittedShares(tx);
      assert.deepEqual(
        pair.map((person) => submit(tx, person)),
        [
          { submittedCount: 1, fullKey: false },
          { submittedCount: 2, fullKey: false },
        ],
      );
      assert.deepEqual(combineSubmittedShares(tx, current), ledgerSecret);
    }
  });

  test('fewer than the threshold do not', () => {
    const tx = service(2, [undefined, undefined]);
    issueShares(tx, { ledgerSecret, random });
    submit(tx, alice);
    assert.throws(() => combineSubmittedShares(tx, current), {
      code: 'ShareRejected',
      message: /1 shares given/,
    });
  });

  test('an owner holds the whole key and opens alone, whatever the threshold', () => {
    const tx = service(2, [undefined, undefined, 'Owner']);
    issueShares(tx, { ledgerSecret, random });
    assert.equal(shareIndex(decrypted(tx, carol)), 0);
    assert.deepEqual(submit(tx, carol), { submittedCount: 1, fullKey: true });
    assert.deepEqual(combineSubmittedShares(tx, current), ledgerSecret);
  });

  test('a second submission of the same member replaces its first', () => {
    const tx = service(2, [undefined, undefined]);
    issueShares(tx, { ledgerSecret, random });
    submit(tx, alice);
    assert.deepEqual(submit(tx, alice), { submittedCount: 1, fullKey: false });
  });

  test('one member’s share submitted by two does not count as two', () => {
    const tx = service(2, [undefined, undefined]);
    issueShares(tx, { ledgerSecret, random });
    submit(tx, alice);
    submit(tx, bob, decrypted(tx, alice));
    assert.throws(() => combineSubmittedShares(tx, current), { code: 'ShareRejected', message: /same x/ });
  });

  test('a wrong share does not open the secret', () => {
    const tx = service(2, [undefined, undefined]);
    issueShares(tx, { ledgerSecret, random });
    const old = decrypted(tx, alice);
    issueShares(tx, { ledgerSecret, random });
    submit(tx, alice, old);
    submit(tx, bob);
    assert.throws(() => combineSubmittedShares(tx, current), { code: 'ShareRejected' });
  });

  test('with more shares than needed, one that does not belong is noticed', () => {
    const tx = service(2, [undefined, undefined, undefined]);
    issueShares(tx, { ledgerSecret, random });
    const old = decrypted(tx, carol);
    issueShares(tx, { ledgerSecret, random });
    submit(tx, alice);
    submit(tx, bob);
    submit(tx, carol, old);
    assert.throws(() => combineSubmittedShares(tx, current), { code: 'ShareRejected' });
  });

  test('the share of a member who was removed since does not count', () => {
    const tx = service(2, [undefined, undefined, undefined]);
    issueShares(tx, { ledgerSecret, random });
    submit(tx, alice);
    memberInfos.delete(tx, alice.id);
    assert.deepEqual(submit(tx, bob), { submittedCount: 1, fullKey: false });
    assert.throws(() => combineSubmittedShares(tx, current), { code: 'ShareRejected' });
    submit(tx, carol);
    assert.deepEqual(combineSubmittedShares(tx, current), ledgerSecret);
  });

  test('bytes that are no share are refused at once and not kept', () => {
    const tx = service(1, [undefined]);
    issueShares(tx, { ledgerSecret, random });
    for (const bytes of [new Uint8Array(0), new Uint8Array(43), new Uint8Array(44).fill(255)]) {
      assert.throws(() => submit(tx, alice, bytes), { code: 'ShareRejected' });
    }
    assert.equal(submittedShares.size(tx), 0);
  });

  test('submitted shares are unreadable without the ledger secret in force', () => {
    const tx = service(1, [undefined]);
    issueShares(tx, { ledgerSecret, random });
    submit(tx, alice);
    const other = { from: 100, raw: random(32) };
    assert.throws(() => combineSubmittedShares(tx, other), { code: 'ShareRejected' });
  });

  test('the stored form is the one CCF’s tools open: tag, zero vector, ciphertext under HKDF of the key', () => {
    const tx = service(1, ['Owner']);
    issueShares(tx, { ledgerSecret, random });
    const wrapped = fromBase64(recoveryShares.require(tx).wrapped_latest_ledger_secret);
    assert.equal(wrapped.length, 16 + 12 + 32);
    assert.deepEqual(wrapped.subarray(16, 28), new Uint8Array(12));
    assert.equal(shareWrappingKey(decrypted(tx, alice)).length, 32);
  });

  const impossible: readonly [string, number, (RecoveryRole | undefined)[], RegExp][] = [
    ['nobody to hold one', 1, ['NonParticipant'], /at least one active recovery member/],
    ['a threshold above the participants', 3, [undefined, undefined, 'Owner'], /3 is greater than .* 2$/],
    ['no threshold', 0, [undefined], /threshold should be set/],
    ['only owners and a threshold of two', 2, ['Owner', 'Owner'], /need a threshold of 1/],
  ];
  for (const [name, threshold, roles, message] of impossible) {
    test(`are not issued with ${name}`, () => {
      const tx = service(threshold, roles);
      assert.throws(() => issueShares(tx, { ledgerSecret, random }), { code: 'SharesNotIssued', message });
    });
  }

  test('are not issued anew while a service recovers: those of the lost one are needed', () => {
    const tx = service(1, [undefined]);
    issueShares(tx, { ledgerSecret, random });
    const shares = recoveryShares.get(tx);
    for (const status of ['Recovering', 'WaitingForRecoveryShares'] as const) {
      serviceInfo.set(tx, { cert: '', status });
      const refresh = () => refreshShares(tx, { ledgerSecret: random(32), random });
      assert.throws(refresh, { code: 'WrongServiceState', message: /lost service are still needed/ });
      assert.deepEqual(recoveryShares.get(tx), shares);
    }
    serviceInfo.set(tx, { cert: '', status: 'Open' });
    refreshShares(tx, { ledgerSecret: random(32), random });
    assert.notDeepEqual(recoveryShares.get(tx), shares);
  });

  test('are not issued to a member whose key is not an RSA key', () => {
    const tx = service(1, [undefined]);
    memberEncryptionKeys.set(tx, alice.id, generateKeyPair('P-256').publicKey.pem);
    assert.throws(() => issueShares(tx, { ledgerSecret, random }), { code: 'SharesNotIssued' });
  });
});

describe('a ledger rekey', () => {
  const nodeKey = generateKeyPair({ kind: 'RSA', bits: 2048 });
  const nodeId = 'd'.repeat(64);

  test('hands the new secret to trusted nodes, and chains every former one to it', () => {
    const store = new Store();
    const commit = (change: (tx: Tx) => void): number => {
      const tx = store.begin();
      change(tx);
      assert.equal(tx.commit().kind, 'committed');
      return store.version;
    };
    const links = new Map<number, string>();
    store.onWrite(historicalLedgerSecret.name, (version, writes) => {
      for (const value of writes.values()) if (value !== null) links.set(version, value);
    });
    commit((tx) => {
      const from = service(1, [undefined]);
      for (const [map, writes] of from.writeSet()) {
        for (const [key, value] of writes) if (value !== null) tx.set(map, key, value);
      }
      const record = nodeRecord(nodeKey.publicKey.pem);
      nodeInfos.set(tx, nodeId, { ...record, status: 'Trusted' });
      nodeInfos.set(tx, 'e'.repeat(64), record);
    });
    let secret: VersionedSecret = { from: 1, raw: random(32) };
    const secrets = [secret];
    for (let i = 0; i < 3; i++) {
      const next = random(32);
      const version = commit((tx) => rekeyLedger(tx, { current: secret, next, random }));
      assert.deepEqual(decryptForNode(store.begin(), nodeId, nodeKey), [{ from: undefined, raw: next }]);
      assert.deepEqual(decryptForNode(store.begin(), 'e'.repeat(64), nodeKey), []);
      secret = { from: version + 1, raw: next };
      secrets.unshift(secret);
    }
    const newest = [...links.keys()].at(-1) as number;
    const walked = [...walkSecretChain(secret, links.get(newest), (storedAt) => links.get(storedAt))];
    assert.deepEqual(walked, secrets);
    const tx = store.begin();
    submit(tx, alice);
    assert.deepEqual(combineSubmittedShares(tx, current), secret.raw);
  });

  test('is refused unless the service is open', () => {
    const tx = service(1, [undefined]);
    serviceInfo.set(tx, { cert: '', status: 'Opening' });
    const rekey = () => rekeyLedger(tx, { current, next: random(32), random });
    assert.throws(rekey, { code: 'WrongServiceState', message: /while the service is Opening/ });
  });

  test('ending a recovery hangs the old secret from the new one, reshares it and opens the service', () => {
    const tx = service(1, [undefined]);
    serviceInfo.set(tx, { cert: 'c', status: 'WaitingForRecoveryShares' });
    issueShares(tx, { ledgerSecret, random });
    submit(tx, alice);
    const recovered = { from: 7, raw: combineSubmittedShares(tx, current) };
    finishRecovery(tx, { current, recovered, random, type: 'RECOVERY_SHARES' });
    assert.equal(serviceInfo.require(tx).status, 'Open');
    assert.equal(submittedShares.size(tx), 0);
    const link = tx.get(historicalLedgerSecret.name, '\0'.repeat(8));
    assert.deepEqual([...walkSecretChain(current, link, () => undefined)], [current, recovered]);
    submit(tx, alice);
    assert.deepEqual(combineSubmittedShares(tx, current), current.raw);
    const again = () => finishRecovery(tx, { current, recovered, random, type: 'RECOVERY_SHARES' });
    assert.throws(again, { code: 'WrongServiceState' });
  });
});
