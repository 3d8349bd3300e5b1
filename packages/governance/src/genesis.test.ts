import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { generateKeyPair } from '@coco/crypto';
import { Store } from '@coco/kv';
import { beginRecovery, type Genesis, genesis } from './genesis.ts';
import { checkJoinPolicy, platformClaims } from './join.ts';
import { openService } from './service-life.ts';
import { memberAcks, memberInfos } from './tables/members.ts';
import { nodeInfos } from './tables/nodes.ts';
import { previousServiceIdentity, serviceConfiguration, serviceInfo } from './tables/service.ts';
import { nodeRecord } from './testing/consortium.ts';
import { makePerson, seededRandom } from './testing/people.ts';
import { virtualClaims } from './testing/platform.ts';

const random = seededRandom('genesis');
const service = makePerson('service');
const nextService = makePerson('next service');
const holder = makePerson('holder', 0);
const voter = makePerson('voter');
const withKey = {
  certificate: holder.certificate,
  encryptionPublicKey: holder.encryptionKey?.publicKey.pem as string,
};
const platform = virtualClaims('aa'.repeat(32));

function given(change: Partial<Genesis> = {}): Genesis {
  return {
    constitution: 'law',
    members: [withKey, { certificate: voter.certificate, data: { operator: true } }],
    configuration: { recoveryThreshold: 0 },
    serviceCertificate: service.certificate,
    createTxId: '2.1',
    node: { id: 'a'.repeat(64), info: nodeRecord('pem'), platform, verified: 0 },
    ...change,
  };
}

describe('the first transaction of a service', () => {
  test('writes members who do not count yet, defaults, a trusted node and its platform', () => {
    const tx = new Store().begin();
    genesis(tx, given());
    assert.deepEqual(memberInfos.get(tx, voter.id), { status: 'Accepted', member_data: { operator: true } });
    assert.deepEqual(memberAcks.get(tx, holder.id), { state_digest: '' });
    assert.deepEqual(serviceConfiguration.get(tx), {
      recovery_threshold: 1,
      consensus: 'CFT',
      reconfiguration_type: 'OneTransaction',
      maximum_node_certificate_validity_days: 365,
      maximum_service_certificate_validity_days: 365,
      recent_cose_proposals_window_size: 100,
    });
    assert.equal(serviceInfo.require(tx).status, 'Opening');
    assert.equal(nodeInfos.require(tx, 'a'.repeat(64)).status, 'Trusted');
    assert.equal(checkJoinPolicy(tx, platformClaims(platform)!).kind, 'allowed');
  });

  const ecKey = generateKeyPair('P-256').publicKey.pem;
  const { certificate } = holder;
  const refusals: readonly [string, Partial<Genesis>, RegExp][] = [
    ['without members', { members: [] }, /at least one member/],
    ['with the same member twice', { members: [withKey, withKey] }, /given twice/],
    ['when nobody could recover it', { members: [{ certificate }] }, /could never be recovered/],
    [
      'with an unreadable certificate',
      { members: [{ ...withKey, certificate: 'x' }] },
      /certificate .* unreadable/,
    ],
    [
      'with an EC key for shares',
      { members: [{ certificate, encryptionPublicKey: ecKey }] },
      /not an RSA key/,
    ],
    ['with a role but no key', { members: [{ certificate, recoveryRole: 'Owner' }] }, /no encryption key/],
    ['with a threshold nobody can meet', { configuration: { recoveryThreshold: 2 } }, /not between 1 and 1/],
    ['with a negative threshold', { configuration: { recoveryThreshold: -1 } }, /not between 1 and 1/],
  ];
  for (const [name, change, message] of refusals) {
    test(`is refused ${name}`, () => {
      const tx = new Store().begin();
      assert.throws(() => genesis(tx, given(change)), { code: 'InvalidGenesis', message });
    });
  }
});

describe('opening a service', () => {
  const open = (tx: Parameters<typeof openService>[0], next: string, previous?: string) =>
    openService(tx, { previous, next, ledgerSecret: random(32), random });

  function created() {
    const tx = new Store().begin();
    genesis(tx, given());
    return tx;
  }

  test('needs members who can hold shares', () => {
    const message = /^Failed to issue recovery shares: There should be at least one/;
    assert.throws(() => open(created(), service.certificate), { code: 'SharesNotIssued', message });
  });

  test('needs the identity it really has', () => {
    const message = /^Service identity mismatch/;
    assert.throws(() => open(created(), voter.certificate), { code: 'ServiceIdentityMismatch', message });
    assert.throws(() => open(created(), 'nonsense'), { code: 'ServiceIdentityMismatch' });
  });

  test('happens once', () => {
    const tx = created();
    memberInfos.set(tx, holder.id, { status: 'Active' });
    assert.equal(open(tx, service.certificate), 'opened');
    assert.equal(serviceInfo.require(tx).status, 'Open');
    assert.equal(open(tx, 'whatever'), 'unchanged');
  });

  test('after a disaster needs both identities, and then waits for shares', () => {
    const tx = created();
    nodeInfos.set(tx, 'b'.repeat(64), nodeRecord('pem'));
    beginRecovery(tx, {
      node: { ...given().node, id: 'c'.repeat(64) },
      serviceCertificate: nextService.certificate,
      previousServiceCertificate: service.certificate,
      createTxId: '4.100',
    });
    const { status, recovery_count, current_service_create_txid } = serviceInfo.require(tx);
    assert.deepEqual([status, recovery_count, current_service_create_txid], ['Recovering', 1, '4.100']);
    assert.equal(previousServiceIdentity.get(tx), service.certificate);
    const statuses = [...nodeInfos.entries(tx)].map(([id, info]) => [id[0], info.status]);
    assert.deepEqual(statuses, [
      ['a', 'Retired'],
      ['c', 'Trusted'],
    ]);

    const next = nextService.certificate;
    for (const previous of [undefined, voter.certificate]) {
      const message = 'Previous service identity does not match.';
      assert.throws(() => open(tx, next, previous), { code: 'ServiceIdentityMismatch', message });
    }
    assert.throws(() => open(tx, service.certificate, service.certificate), {
      code: 'ServiceIdentityMismatch',
    });
    assert.equal(open(tx, next, service.certificate), 'waiting-for-recovery-shares');
    assert.equal(open(tx, next, service.certificate), 'unchanged');
  });
});
