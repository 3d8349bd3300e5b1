import { json } from './codec.ts';
import type { MemberId } from './members.ts';
import type { NodeId } from './nodes.ts';
import { serviceMap, serviceValue } from './table.ts';

/** A ledger secret encrypted to somebody; base64. */
export interface EncryptedLedgerSecret {
  /** First seqno the secret applies to; absent for the one in force at the time. */
  readonly version?: number;
  readonly encrypted_secret: string;
  readonly previous_secret_stored_version?: number;
}

/** Value of `recovery_shares`: the latest secret under a key, the key in pieces. All base64. */
export interface RecoveryShares {
  readonly wrapped_latest_ledger_secret: string;
  readonly encrypted_shares: Readonly<Record<MemberId, string>>;
  readonly previous_secret_stored_version?: number;
}

/** A secret that is no longer in force, encrypted under the one that followed it. */
export interface PreviousLedgerSecret {
  /** base64 of tag, initialisation vector, ciphertext. */
  readonly encrypted_data: string;
  /** First seqno it applied to. */
  readonly version: number;
  /** Where in the ledger the link before this one is. */
  readonly previous_secret_stored_version?: number;
}

/** Value of `historical_encrypted_ledger_secret`: one link of the chain. */
export interface HistoricalLedgerSecret {
  readonly previous_ledger_secret?: PreviousLedgerSecret;
  readonly next_version?: number;
}

/** How the private part of a ledger was opened again. */
export type RecoveryType = 'None' | 'RECOVERY_SHARES' | 'LOCAL_UNSEALING';

/** Latest secret and its shares. */
export const recoveryShares = serviceValue('public:ccf.internal.recovery_shares', json<RecoveryShares>());
/** The chain from the newest secret to the oldest. */
export const historicalLedgerSecret = serviceValue(
  'public:ccf.internal.historical_encrypted_ledger_secret',
  json<HistoricalLedgerSecret>(),
);
/** New secrets for each node. */
export const encryptedLedgerSecrets = serviceValue(
  'public:ccf.internal.encrypted_ledger_secrets',
  json<Readonly<Record<NodeId, readonly EncryptedLedgerSecret[]>>>(),
);
/** Shares given back by members, base64, under the ledger secret in force. */
export const submittedShares = serviceMap('public:ccf.internal.encrypted_submitted_shares', json<string>());
/** How the last recovery went. */
export const lastRecoveryType = serviceValue('public:ccf.internal.last_recovery_type', json<RecoveryType>());
