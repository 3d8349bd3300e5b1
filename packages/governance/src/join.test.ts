import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Store, type Tx } from '@coco/kv';
import { checkJoinPolicy, listPlatform, type PlatformClaims } from './join.ts';

const virtual: PlatformClaims = {
  platform: 'virtual',
  measurement: 'v1',
  hostData: 'aa',
};
const uvm = { did: 'did:x509:1', feed: 'aci', svn: '100' };
const tcb = { boot_loader: 4, tee: 0, snp: 22, microcode: 213 };
const snp: PlatformClaims = {
  platform: 'snp',
  measurement: 'cc',
  hostData: 'bb',
  uvm,
  cpuid: '00a00f11',
  tcb,
};
const { uvm: _, ...bareSnp } = snp;

function trusting(...platforms: readonly PlatformClaims[]): Tx {
  const tx = new Store().begin();
  for (const platform of platforms) listPlatform(tx, platform);
  return tx;
}

describe('the join policy', () => {
  for (const [name, claims] of [
    ['virtual', virtual],
    ['SNP with endorsed utility VM', snp],
    ['bare SNP', bareSnp],
  ] as const) {
    test(`admits a platform like the first node’s: ${name}`, () => {
      assert.deepEqual(checkJoinPolicy(trusting(claims), claims), { kind: 'allowed' });
    });
  }

  test('admits newer firmware and newer endorsements', () => {
    const newer = { ...snp, uvm: { ...uvm, svn: '101' }, tcb: { ...tcb, microcode: 214 } };
    assert.equal(checkJoinPolicy(trusting(snp), newer).kind, 'allowed');
  });

  const { hostData: _1, ...withoutHostData } = virtual;
  const refusals: readonly [string, PlatformClaims, PlatformClaims, string, RegExp][] = [
    [
      'no host data',
      virtual,
      withoutHostData,
      'FailedHostDataDigestNotFound',
      /does not contain trusted host data/,
    ],
    ['other host data', virtual, { ...virtual, hostData: 'ab' }, 'FailedInvalidHostData', /not authorised/],
    [
      'another measurement',
      virtual,
      { ...virtual, measurement: 'v2' },
      'FailedMeasurementNotFound',
      /measurement/,
    ],
    ['an SNP node in a virtual service', virtual, snp, 'FailedInvalidHostData', /host data/],
    ['another issuer', snp, { ...snp, uvm: { ...uvm, did: 'x' } }, 'FailedUVMEndorsementsNotFound', /UVM/],
    [
      'another feed',
      snp,
      { ...snp, uvm: { ...uvm, feed: 'toString' } },
      'FailedUVMEndorsementsNotFound',
      /UVM/,
    ],
    [
      'an older endorsement',
      snp,
      { ...snp, uvm: { ...uvm, svn: '99' } },
      'FailedUVMEndorsementsNotFound',
      /UVM/,
    ],
    [
      'a nonsense version',
      snp,
      { ...snp, uvm: { ...uvm, svn: '1e9' } },
      'FailedUVMEndorsementsNotFound',
      /UVM/,
    ],
    ['no endorsement where one is asked', snp, bareSnp, 'FailedMeasurementNotFound', /measurement/],
    ['another processor', snp, { ...snp, cpuid: '00a10f11' }, 'FailedInvalidCPUID', /processor/],
    ['older firmware', snp, { ...snp, tcb: { ...tcb, snp: 21 } }, 'FailedInvalidTcbVersion', /TCB/],
  ];
  for (const [name, trusted, claims, refusal, message] of refusals) {
    test(`refuses ${name}`, () => {
      const verdict = checkJoinPolicy(trusting(trusted), claims);
      assert.ok(verdict.kind === 'refused');
      assert.equal(verdict.refusal, refusal);
      assert.match(verdict.message, message);
    });
  }
});
