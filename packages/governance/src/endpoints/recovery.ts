import { fromBase64 } from '@coco/crypto';
import { GovernanceError } from '../errors.ts';
import { type GovResponse, json, refuse } from '../http.ts';
import { clearSubmittedShares, encryptedShareOf, submitShare } from '../recovery/shares.ts';
import { idOf, signedField, signedMemberId } from '../request.ts';
import { serviceConfiguration, serviceInfo } from '../tables/service.ts';
import type { GovContext } from '../world.ts';

/** `GET /gov/recovery/encrypted-shares/{memberId}`. */
export function getEncryptedShare(context: GovContext): GovResponse {
  const memberId = idOf(context, 'memberId');
  if (typeof memberId !== 'string') return memberId;
  const encryptedShare = encryptedShareOf(context.tx, memberId);
  if (encryptedShare === undefined) {
    return refuse(404, 'ResourceNotFound', `Recovery share not found for member m[${memberId}].`);
  }
  return json({ memberId, encryptedShare });
}

/** `POST /gov/recovery/members/{memberId}:recover`. */
export function submitRecoveryShare(context: GovContext): GovResponse {
  const { tx, world } = context;
  if (serviceInfo.get(tx)?.status !== 'WaitingForRecoveryShares') {
    const message = 'Service is not waiting for recovery shares.';
    return refuse(403, 'ServiceNotWaitingForRecoveryShares', message);
  }
  if (world.node.isReadingPrivateLedger()) {
    return refuse(403, 'NodeAlreadyRecovering', 'Node is already recovering private ledger.');
  }
  const memberId = signedMemberId(context);
  if (typeof memberId !== 'string') return memberId;
  const field = signedField(context, 'share');
  if ('status' in field) return field;
  const share = decoded(field.text);
  if (share === undefined) return refuse(400, 'InvalidInput', 'The submitted share is not base64.');

  try {
    const current = world.node.currentLedgerSecret(tx);
    const submitted = submitShare(tx, { memberId, share, current, random: (n) => world.random(n) });
    return progress(context, submitted);
  } catch (error) {
    if (!(error instanceof GovernanceError) || error.code !== 'ShareRejected') throw error;
    return refuse(400, 'InvalidInput', error.message);
  } finally {
    share.fill(0);
  }
}

/** Says how far recovery is, and starts it when there is enough. */
function progress(
  { tx, world }: GovContext,
  { submittedCount, fullKey }: { submittedCount: number; fullKey: boolean },
): GovResponse {
  const threshold = serviceConfiguration.require(tx).recovery_threshold;
  const said = fullKey
    ? 'Full recovery key successfully submitted'
    : `${submittedCount}/${threshold} recovery shares successfully submitted`;
  const enough = fullKey || submittedCount >= threshold;
  if (enough) {
    try {
      world.node.initiatePrivateRecovery(tx);
    } catch (error) {
      // Nobody can tell which share is wrong: all are cleared, for good, so that members can start over.
      world.log(
        'fail',
        `Private recovery not initiated: ${error instanceof Error ? error.message : 'unknown'}`,
      );
      clearSubmittedShares(tx);
      const answer = refuse(500, 'InternalError', 'Failed to initiate private recovery.');
      return { ...answer, applyWrites: true };
    }
  }
  return json({
    message: enough ? `${said}\nEnd of recovery procedure initiated` : said,
    submittedCount,
    recoveryThreshold: threshold,
    fullKeySubmitted: fullKey,
  });
}

function decoded(share: string): Uint8Array | undefined {
  try {
    return fromBase64(share);
  } catch {
    return undefined;
  }
}
