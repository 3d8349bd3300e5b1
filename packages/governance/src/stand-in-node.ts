import { GovernanceError } from './errors.ts';
import { refreshShares } from './recovery/shares.ts';
import { openService } from './service-life.ts';
import { serviceInfo } from './tables/service.ts';
import { validityPeriod } from './validity.ts';
import type { NodeActions } from './world.ts';

/** What only a node can make, as far as whoever asks knows it. */
export interface NodeMade {
  /** First seqno of the ledger secret in force. */
  readonly ledgerSecretSeqno: () => number;
  /** What stands in the place of the certificate of a node, and of the service. */
  readonly nodeCertificate: () => string;
  readonly serviceCertificate: () => string;
}

/** Stands for every secret: what is made of it goes to tables that are neither compared nor shown. */
const noSecret = new Uint8Array(32);
const nothing = (): void => {};

/**
 * Actions that check and write what a node's would, with no key, no secret and no effect: for carrying out
 * proposals again, or for once.
 */
export function standInNode(made: NodeMade): NodeActions {
  const issueAnew: NodeActions['triggerRecoverySharesRefresh'] = (tx) =>
    refreshShares(tx, { ledgerSecret: noSecret, random: countingBytes() });
  return {
    triggerLedgerRekey(tx) {
      const { status } = serviceInfo.require(tx);
      if (status !== 'Open')
        throw new GovernanceError(
          'WrongServiceState',
          `Cannot rekey the ledger while the service is ${status}`,
        );
      issueAnew(tx);
    },
    transitionServiceToOpen(tx, previous, next) {
      openService(tx, { previous, next, ledgerSecret: noSecret, random: countingBytes() });
    },
    triggerRecoverySharesRefresh: issueAnew,
    triggerLedgerChunk: nothing,
    triggerSnapshot: nothing,
    latestLedgerSecretSeqno: made.ledgerSecretSeqno,
    endorseNodeCertificate(_tx, _csr, validFrom, days) {
      validityPeriod(validFrom, days);
      return made.nodeCertificate();
    },
    renewServiceCertificate(_tx, validFrom, days) {
      validityPeriod(validFrom, days);
      return made.serviceCertificate();
    },
    currentLedgerSecret: () => ({ from: 1, raw: noSecret }),
    isReadingPrivateLedger: () => false,
    // Audiences are private: whether one is there is for a node that holds the ledger secret to find.
    changeAudience: () => true,
    shredAudience: () => true,
    initiatePrivateRecovery: nothing,
  };
}

/** Bytes that differ from call to call, for what must be drawn but is never looked at. */
export function countingBytes(): (bytes: number) => Uint8Array {
  let drawn = 0;
  return (bytes) => Uint8Array.from({ length: bytes }, () => (drawn = (drawn * 167 + 13) % 251));
}
