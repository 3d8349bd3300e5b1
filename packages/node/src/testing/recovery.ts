import { fromBase64, rsaOaepUnwrap, toBase64 } from '@coco/crypto';
import type { Cluster } from './cluster.ts';
import type { Machine } from './machine.ts';

/** Loses every node, and begins the recovery from the files of one of them. */
export function loseAll(cluster: Cluster, from: Machine): Machine {
  const previous = cluster.servicePem;
  for (const machine of cluster.machines) machine.isUp = false;
  for (const machine of cluster.machines) machine.serviceCertificate = '';
  const command = { type: 'Recover', recover: { initial_service_certificate_validity_days: 90 } } as const;
  const disk = {
    ledger: new Map(from.ledger),
    snapshots: new Map(from.snapshots),
    parcels: new Map(from.parcels),
  };
  const machine = cluster.add('r0', command, { serviceCertificatePem: previous }, disk);
  cluster.pass(100);
  return machine;
}

/** The member opens its share and submits it. */
export function submitShare(cluster: Cluster, at: Machine): void {
  const path = `/gov/recovery/encrypted-shares/${cluster.memberId}?api-version=2024-07-01`;
  const { encryptedShare } = cluster.request(at, 'GET', path).json as { encryptedShare: string };
  const share = toBase64(rsaOaepUnwrap(cluster.memberEncryptionKey, fromBase64(encryptedShare)));
  cluster.govern(at, `/gov/recovery/members/${cluster.memberId}:recover`, 'recovery_share', { share });
}
