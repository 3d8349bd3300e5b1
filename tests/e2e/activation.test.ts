// A node on a machine nobody named joins because its TPM answers: the key its quotes are signed by lives in the TPM whose
// endorsement key a maker certified.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { AttestationOut } from '@coco/api';
import { get, versioned } from '@coco/client';
import { SoftwareTpm, softwareTpmMissing } from '../../apps/host/src/testing/software-tpm.ts';
import { type Service, startService } from '../workloads/service.ts';

const missing = softwareTpmMissing();

describe('two machines with TPMs', { skip: missing ?? false, timeout: 120_000 }, () => {
  let tpms: SoftwareTpm[] = [];
  let service: Service;
  let authority = '';

  before(async () => {
    tpms = await Promise.all([SoftwareTpm.start(), SoftwareTpm.start()]);
    const second = tpms[1]!.certify(Date.now());
    ({ authority } = second);
    service = await startService({
      configure: (configuration, index) => {
        const tpm = { device: tpms[index]!.device, registers: [0, 7] };
        const file = join(service?.folder ?? '', 'endorsement.pem');
        if (index === 0) configuration.coco = { attestation: { platform: 'tpm', tpm } };
        else {
          writeFileSync(file, second.certificates.map(({ pem }) => pem).join('\n'));
          const endorsement_certificates_file = file;
          configuration.coco = {
            attestation: { platform: 'tpm', tpm: { ...tpm, endorsement_certificates_file } },
          };
        }
      },
    });
  });
  after(async () => {
    await service?.[Symbol.asyncDispose]();
    for (const tpm of tpms) tpm[Symbol.dispose]();
  });

  const published = () => get<AttestationOut>(service.session(), versioned('/gov/service/attestation'));

  test('become one service when the members name the maker of the second, which answers the challenge', async () => {
    const { policy } = await published();
    const { platforms } = policy as { platforms: { tpm: { tpm: object } } };
    const tpm = { ...platforms.tpm.tpm, authorities: [authority] };
    const next = { ...(policy as object), platforms: { tpm: { ...platforms.tpm, tpm } } };
    await service.network.decide([{ name: 'set_attestation_policy', args: { policy: next } }]);
    await service.network.admit(await service.network.join(1));
    const { nodes } = await published();
    const [second] = nodes.filter(({ nodeId }) => nodeId === service.network.nodes[1]?.id);
    const claims = second?.claims as { hardware: { attestationKey: string }; platformId: string };
    assert.equal(claims.hardware.attestationKey, 'activated');
    assert.equal(second?.platformId, tpms[1]!.certify(Date.now()).endorsementKey.id);
    assert.deepEqual(
      nodes.map(({ counts, role }) => [counts, role]),
      [
        [true, 'vote'],
        [true, 'vote'],
      ],
    );
  });
});
