import {
  fromBase64,
  importPublicKey,
  type PrivateKey,
  rsaOaepUnwrap,
  rsaOaepWrap,
  toBase64,
} from '@coco/crypto';
import type { ReadableMapState, Tx } from '@coco/kv';
import { sealSecret, type VersionedSecret } from '@coco/ledger';
import { goWithoutSecrets, mayHoldSecrets } from '../attestation/secret-holders.ts';
import { GovernanceError } from '../errors.ts';
import { type NodeId, nodeInfos } from '../tables/nodes.ts';
import {
  type EncryptedLedgerSecret,
  encryptedLedgerSecrets,
  historicalLedgerSecret,
  lastRecoveryType,
  type RecoveryType,
} from '../tables/secrets.ts';
import { serviceInfo } from '../tables/service.ts';
import { clearSubmittedShares, issueShares } from './shares.ts';

type Random = (bytes: number) => Uint8Array;

/**
 * Writes all that a new ledger secret needs: itself to every trusted node, its predecessor under it, new
 * recovery shares. It is in force from the seqno after the one this transaction commits at.
 *
 * Throws `WrongServiceState` unless the service is open, or `SharesNotIssued`.
 */
export function rekeyLedger(
  tx: Tx,
  { current, next, random }: { current: VersionedSecret; next: Uint8Array; random: Random },
): void {
  const { status } = serviceInfo.require(tx);
  if (status !== 'Open') {
    throw new GovernanceError('WrongServiceState', `Cannot rekey the ledger while the service is ${status}`);
  }
  encryptedLedgerSecrets.set(tx, encryptToTrustedNodes(tx, [{ raw: next }]));
  linkPreviousSecret(tx, { previous: current, under: next, random });
  issueShares(tx, { ledgerSecret: next, random, rekeyed: true });
}

/**
 * Encrypts secrets to the key of each trusted node that may hold them, and notes of the others that they go without. A
 * secret without `from` is the one in force next.
 */
export function encryptToTrustedNodes(
  tx: Tx,
  secrets: readonly { readonly from?: number; readonly raw: Uint8Array }[],
): Record<NodeId, EncryptedLedgerSecret[]> {
  const encrypted: Record<NodeId, EncryptedLedgerSecret[]> = {};
  for (const [id, node] of nodeInfos.entries(tx)) {
    if (node.status !== 'Trusted') continue;
    if (!mayHoldSecrets(tx, id)) {
      goWithoutSecrets(tx, id);
      continue;
    }
    const key = importPublicKey(node.encryption_pub_key);
    encrypted[id] = secrets.map(({ from, raw }) => ({
      ...(from === undefined ? {} : { version: from }),
      encrypted_secret: toBase64(rsaOaepWrap(key, raw)),
    }));
  }
  return encrypted;
}

/** The secrets of the table that are for this node, opened with its key. Throws `SecretChainBroken`. */
export function decryptForNode(
  state: ReadableMapState,
  nodeId: NodeId,
  key: PrivateKey,
): { readonly from: number | undefined; readonly raw: Uint8Array }[] {
  const mine = encryptedLedgerSecrets.get(state)?.[nodeId] ?? [];
  return mine.map(({ version, encrypted_secret }) => {
    try {
      return { from: version, raw: rsaOaepUnwrap(key, fromBase64(encrypted_secret)) };
    } catch (cause) {
      const message = `Node ${nodeId} cannot open the ledger secret that was encrypted to it`;
      throw new GovernanceError('SecretChainBroken', message, { cause });
    }
  });
}

/** Whether the table gives the secret that is in force next, and not those of a lost epoch: a rekey. */
export function givesNextSecret(state: ReadableMapState): boolean {
  const rows = Object.values(encryptedLedgerSecrets.get(state) ?? {});
  return rows.flat().some(({ version }) => version === undefined);
}

function linkPreviousSecret(
  tx: Tx,
  {
    previous,
    under,
    underFrom,
    random,
  }: { previous: VersionedSecret; under: Uint8Array; underFrom?: number; random: Random },
): void {
  const storedAt = historicalLedgerSecret.versionOf(tx);
  historicalLedgerSecret.set(tx, {
    previous_ledger_secret: {
      encrypted_data: toBase64(sealSecret(previous.raw, under, random)),
      version: previous.from,
      ...(storedAt === undefined ? {} : { previous_secret_stored_version: storedAt }),
    },
    ...(underFrom === undefined ? {} : { next_version: underFrom }),
  });
}

/**
 * Ends a disaster recovery: the old secrets hang from the new one again, members get shares of the new
 * one, and the service is open.
 */
export function finishRecovery(
  tx: Tx,
  {
    current,
    recovered,
    random,
    type,
  }: { current: VersionedSecret; recovered: VersionedSecret; random: Random; type: RecoveryType },
): void {
  const service = serviceInfo.require(tx);
  if (service.status !== 'WaitingForRecoveryShares') {
    throw new GovernanceError(
      'WrongServiceState',
      `Cannot end a recovery while the service is ${service.status}`,
    );
  }
  linkPreviousSecret(tx, { previous: recovered, under: current.raw, underFrom: current.from, random });
  issueShares(tx, { ledgerSecret: current.raw, random, rekeyed: true });
  clearSubmittedShares(tx);
  lastRecoveryType.set(tx, type);
  serviceInfo.set(tx, { ...service, status: 'Open' });
}
