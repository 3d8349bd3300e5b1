import { CryptoError, parseCertificate } from '@coco/crypto';
import type { Tx } from '@coco/kv';
import { GovernanceError } from './errors.ts';
import { issueShares } from './recovery/shares.ts';
import { previousServiceIdentity, serviceInfo } from './tables/service.ts';

/** What opening a service came to. */
export type Opening = 'opened' | 'waiting-for-recovery-shares' | 'unchanged';

/**
 * Opens a new service, or lets a recovering one wait for its shares; a service that is past that point
 * is left alone. The identities (PEM) are what the members who voted believe they open: they must be
 * the ones recorded, or an operator could have members open another service than they think.
 *
 * Throws `ServiceIdentityMismatch`, or `SharesNotIssued`.
 */
export function openService(
  tx: Tx,
  {
    previous,
    next,
    ledgerSecret,
    random,
  }: {
    previous: string | undefined;
    next: string;
    ledgerSecret: Uint8Array;
    random: (bytes: number) => Uint8Array;
  },
): Opening {
  const service = serviceInfo.require(tx);
  if (service.status === 'Open' || service.status === 'WaitingForRecoveryShares') return 'unchanged';
  if (!sameCertificate(next, service.cert)) {
    throw new GovernanceError(
      'ServiceIdentityMismatch',
      `Service identity mismatch: the node has\n${service.cert}\nbut the proposal would open\n${next}`,
    );
  }
  if (service.status === 'Opening') {
    issueFirstShares(tx, ledgerSecret, random);
    serviceInfo.set(tx, { ...service, status: 'Open' });
    return 'opened';
  }
  const lost = previousServiceIdentity.get(tx);
  if (previous === undefined || lost === undefined || !sameCertificate(previous, lost)) {
    throw new GovernanceError('ServiceIdentityMismatch', 'Previous service identity does not match.');
  }
  serviceInfo.set(tx, { ...service, status: 'WaitingForRecoveryShares' });
  return 'waiting-for-recovery-shares';
}

function issueFirstShares(tx: Tx, ledgerSecret: Uint8Array, random: (bytes: number) => Uint8Array): void {
  try {
    issueShares(tx, { ledgerSecret, random });
  } catch (cause) {
    if (!(cause instanceof GovernanceError)) throw cause;
    const message = `Failed to issue recovery shares: ${cause.message}`;
    throw new GovernanceError('SharesNotIssued', message, { cause });
  }
}

/** By content, so that line ends and wrapping do not matter. */
function sameCertificate(a: string, b: string): boolean {
  try {
    return parseCertificate(a).id === parseCertificate(b).id;
  } catch (error) {
    if (error instanceof CryptoError) return false;
    throw error;
  }
}
