import {
  aesGcmOpen,
  aesGcmSeal,
  CryptoError,
  combineShares,
  concatBytes,
  fromBase64,
  importAesKey,
  importPublicKey,
  rsaOaepWrap,
  sampleSecret,
  shareIndex,
  shareWrappingKey,
  splitSecret,
  toBase64,
} from '@coco/crypto';
import type { ReadableMapState, Tx } from '@coco/kv';
import { LedgerError, openSecret, sealSecret, type VersionedSecret } from '@coco/ledger';
import { GovernanceError } from '../errors.ts';
import { activeRecoveryMembers, type RecoveryMember } from '../membership.ts';
import { type MemberId, memberInfos } from '../tables/members.ts';
import { historicalLedgerSecret, recoveryShares, submittedShares } from '../tables/secrets.ts';
import { serviceConfiguration, serviceInfo } from '../tables/service.ts';

type Random = (bytes: number) => Uint8Array;

const tagBytes = 16;
const ivBytes = 12;
const nothing = new Uint8Array(0);
/** The wrapping key encrypts once in its life, so its initialisation vector may be constant. */
const zeroIv = new Uint8Array(ivBytes);

/**
 * Gives every active recovery member a new share (an owner: the whole key) of a new key that wraps the
 * ledger secret. Whoever held a share before holds nothing afterwards.
 *
 * Throws `SharesNotIssued` when nobody could hold one, or fewer could than the threshold asks for.
 */
export function issueShares(
  tx: Tx,
  { ledgerSecret, random, rekeyed = false }: { ledgerSecret: Uint8Array; random: Random; rekeyed?: boolean },
): void {
  const key = sampleSecret(random);
  const wrapped = aesGcmSeal(importAesKey(shareWrappingKey(key)), zeroIv, ledgerSecret, nothing);
  // At a rekey the link to the previous secret is written by this very transaction, wherever that will be.
  const storedAt = rekeyed ? undefined : historicalLedgerSecret.versionOf(tx);
  recoveryShares.set(tx, {
    wrapped_latest_ledger_secret: toBase64(concatBytes(wrapped.tag, zeroIv, wrapped.ciphertext)),
    encrypted_shares: encryptedShares(tx, key, random),
    ...(storedAt === undefined ? {} : { previous_secret_stored_version: storedAt }),
  });
}

/**
 * Issues shares of the secret in force anew, because members decided so.
 *
 * Throws `WrongServiceState` in a recovery: the shares that are there open the secrets of the lost service, and nothing
 * else does. Otherwise as `issueShares`.
 */
export function refreshShares(
  tx: Tx,
  options: { readonly ledgerSecret: Uint8Array; readonly random: Random },
): void {
  const { status } = serviceInfo.require(tx);
  if (status === 'Recovering' || status === 'WaitingForRecoveryShares') {
    const message = `Cannot issue new recovery shares while the service is ${status}: those of the lost service are still needed`;
    throw new GovernanceError('WrongServiceState', message);
  }
  issueShares(tx, options);
}

function encryptedShares(tx: Tx, key: Uint8Array, random: Random): Record<MemberId, string> {
  const { participants, owners } = activeRecoveryMembers(tx);
  const threshold = serviceConfiguration.require(tx).recovery_threshold;
  checkThreshold(threshold, participants.length, owners.length);

  const shares =
    participants.length === 0 ? [] : splitSecret(key, { threshold, count: participants.length, random });
  const encrypted: Record<MemberId, string> = {};
  participants.forEach((member, i) => {
    encrypted[member.id] = encryptTo(member, shares[i] as Uint8Array);
  });
  for (const owner of owners) encrypted[owner.id] = encryptTo(owner, key);
  return encrypted;
}

function encryptTo(member: RecoveryMember, share: Uint8Array): string {
  try {
    return toBase64(rsaOaepWrap(importPublicKey(member.encryptionKey), share));
  } catch (cause) {
    if (!(cause instanceof CryptoError)) throw cause;
    const message = `The encryption key of member ${member.id} cannot take a recovery share: ${cause.message}`;
    throw new GovernanceError('SharesNotIssued', message, { cause });
  }
}

/** A threshold counts participants; owners alone need none, and then it must be 1. */
export function checkThreshold(threshold: number, participants: number, owners: number): void {
  const refuse = (message: string): never => {
    throw new GovernanceError('SharesNotIssued', message);
  };
  if (participants + owners === 0) {
    refuse('There should be at least one active recovery member to issue recovery shares');
  }
  if (!Number.isInteger(threshold) || threshold < 1) {
    refuse('Recovery threshold should be set before recovery shares are computed');
  }
  if (participants === 0 && threshold !== 1) {
    refuse(`Recovery threshold is ${threshold}, but members who own the whole key need a threshold of 1`);
  }
  if (participants > 0 && threshold > participants) {
    refuse(
      `Recovery threshold ${threshold} is greater than the number of recovery participants ${participants}`,
    );
  }
}

/** The share of a member, encrypted to its key (base64); undefined when it has none. */
export function encryptedShareOf(state: ReadableMapState, id: MemberId): string | undefined {
  const shares = recoveryShares.get(state)?.encrypted_shares;
  return shares !== undefined && Object.hasOwn(shares, id) ? shares[id] : undefined;
}

/**
 * Keeps a member's share, under the ledger secret in force, until enough are there; a second one of the
 * same member replaces the first. Throws `ShareRejected` when the bytes are no share.
 */
export function submitShare(
  tx: Tx,
  {
    memberId,
    share,
    current,
    random,
  }: { memberId: MemberId; share: Uint8Array; current: VersionedSecret; random: Random },
): { readonly submittedCount: number; readonly fullKey: boolean } {
  const fullKey = indexOf(share) === 0;
  submittedShares.set(tx, memberId, toBase64(sealSecret(share, current.raw, random)));
  return { submittedCount: [...submissions(tx)].length, fullKey };
}

function indexOf(share: Uint8Array): number {
  try {
    return shareIndex(share);
  } catch (cause) {
    throw new GovernanceError('ShareRejected', 'The submitted bytes are not a recovery share.', { cause });
  }
}

/** Submitted shares of those who are still active members: a removed member's no longer counts. */
function* submissions(state: ReadableMapState): Generator<string> {
  for (const [id, sealed] of submittedShares.entries(state)) {
    if (memberInfos.get(state, id)?.status === 'Active') yield sealed;
  }
}

/**
 * Opens the latest ledger secret of the lost service with the shares that were submitted. `current` is
 * the secret they are kept under. Throws `ShareRejected` when they are too few or do not open it: then
 * one of them is wrong, and nobody can tell which.
 */
export function combineSubmittedShares(state: ReadableMapState, current: VersionedSecret): Uint8Array {
  const threshold = serviceConfiguration.require(state).recovery_threshold;
  const { wrapped_latest_ledger_secret: wrapped } = recoveryShares.require(state);
  try {
    const shares = [...submissions(state)].map((sealed) => openSecret(fromBase64(sealed), current.raw));
    const key = combineShares(shares, threshold);
    return unwrap(fromBase64(wrapped), shareWrappingKey(key));
  } catch (cause) {
    if (!(cause instanceof CryptoError || cause instanceof LedgerError)) throw cause;
    const message = `The submitted recovery shares do not open the ledger secret: ${cause.message}`;
    throw new GovernanceError('ShareRejected', message, { cause });
  }
}

function unwrap(wrapped: Uint8Array, key: Uint8Array): Uint8Array {
  const tag = wrapped.subarray(0, tagBytes);
  const iv = wrapped.subarray(tagBytes, tagBytes + ivBytes);
  return aesGcmOpen(importAesKey(key), iv, wrapped.subarray(tagBytes + ivBytes), nothing, tag);
}

/** Forgets all submitted shares, so that members can start over or because the ledger is open again. */
export function clearSubmittedShares(tx: Tx): void {
  submittedShares.clear(tx);
}
