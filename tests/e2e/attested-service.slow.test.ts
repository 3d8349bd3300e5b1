// A service on a machine whose TPM speaks for it: known by its evidence, renewed while it runs.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { AttestationOut } from '@coco/api';
import type { Policy } from '@coco/attestation';
import { attestNode, get, keySigner, propose, versioned } from '@coco/client';
import { SoftwareTpm, softwareTpmMissing } from '../../apps/host/src/testing/software-tpm.ts';
import { type Service, startService } from '../workloads/service.ts';

const missing = softwareTpmMissing();

describe('a service on a machine with a TPM', { skip: missing ?? false, timeout: 180_000 }, () => {
  let tpm: SoftwareTpm;
  let service: Service;

  before(async () => {
    tpm = await SoftwareTpm.start();
    tpm.extend(14, 'ab'.repeat(32));
    const attestation = { platform: 'tpm', tpm: { device: tpm.device, registers: [0, 7, 14] } };
    service = await startService({
      configure: (configuration) => {
        configuration.coco = { attestation };
      },
    });
  });
  after(async () => {
    await service?.[Symbol.asyncDispose]();
    tpm?.[Symbol.dispose]();
  });

  const published = () => get<AttestationOut>(service.session(), versioned('/gov/service/attestation'));
  const accepted = (): Policy => ({
    platforms: ['tpm'],
    tpm: { attestationKeys: [Buffer.from(tpm.read('ak.name')).toString('hex')] },
  });

  test('trusts at first what its first node is: its key and its registers', async () => {
    const { policy, nodes } = await published();
    const { tpm: rule } = (policy as { platforms: { tpm: Policy } }).platforms.tpm;
    assert.equal(rule?.attestationKeys?.length, 1);
    assert.deepEqual(Object.keys(rule?.pcrs ?? {}), ['0', '7', '14']);
    assert.deepEqual(
      nodes.map(({ counts, role }) => [counts, role]),
      [[true, 'vote']],
    );
  });

  test('is known to a caller by the quote of its TPM, and not for another TPM', async () => {
    const { claims } = await attestNode(service.session(), { policy: accepted() });
    assert.equal(claims.assurance, 'boot');
    const policy = { platforms: ['tpm'], tpm: { attestationKeys: ['00'] } } as const;
    await assert.rejects(attestNode(service.session(), { policy }), { message: /ak-trust/ });
  });

  test('renews its evidence over a root of its ledger, as the members want it', async () => {
    const { policy } = await published();
    const [member] = service.workspace.members;
    const signer = keySigner(readFileSync(member!.cert, 'utf8'), readFileSync(member!.key, 'utf8'));
    const next = { ...(policy as object), lease: { seconds: 60 } };
    const proposal = { actions: [{ name: 'set_attestation_policy', args: { policy: next } }] };
    assert.equal((await propose(service.session(), signer, proposal)).proposalState, 'Accepted');
    const before = (await published()).nodes[0]?.verified ?? 0;
    let node = (await published()).nodes[0];
    // Half of the lease.
    while (node?.nonce === undefined) {
      await delay(1000);
      node = (await published()).nodes[0];
    }
    assert.ok((node.verified ?? 0) > before);
    assert.ok(node.counts);
    const { verified } = await attestNode(service.session(), { policy: accepted(), ageMsMax: 60_000 });
    assert.equal(verified, node.verified);
  });
});
