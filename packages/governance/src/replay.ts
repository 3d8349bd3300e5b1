import { sha256Hex } from '@coco/crypto';
import type { Tx } from '@coco/kv';
import { type GovResponse, refuse } from './http.ts';
import { governanceLimits } from './limits.ts';
import { type ProposalId, recentProposals } from './tables/proposals.ts';
import { serviceConfiguration } from './tables/service.ts';

/**
 * The refusal of a signed read that was not signed about now by the node's clock: its answer shows what is the
 * signer's to see, to whoever sends the envelope. Undefined when it was.
 */
export function staleRead(createdAt: number, now: number): GovResponse | undefined {
  const seconds = Math.floor(now / 1000);
  const most = governanceLimits.signedReadSecondsMax;
  if (Math.abs(seconds - createdAt) <= most) return undefined;
  const message = `Header parameter created_at is ${createdAt}, more than ${most} seconds from the clock of this node, ${seconds}: sign the request anew`;
  return refuse(400, 'InvalidCreatedAt', message);
}

/**
 * Remembers a proposal against replay, or refuses it: seen before, or signed longer ago than half of
 * those remembered. Members' clocks alone count, so a service needs no trusted time; a member whose
 * clock runs ahead can delay others, but never make anybody's old proposal pass again.
 */
export function admitOnce(
  tx: Tx,
  { createdAt, signature, proposalId }: { createdAt: number; signature: Uint8Array; proposalId: ProposalId },
): GovResponse | undefined {
  if (createdAt > governanceLimits.createdAtSecondsMax) {
    return refuse(400, 'InvalidCreatedAt', 'Header parameter created_at value is too large');
  }
  const time = String(createdAt).padStart(10, '0');
  const key = `${time}:${sha256Hex(signature)}`;
  const earlier = recentProposals.get(tx, key);
  if (earlier !== undefined) {
    const message = `Proposal submission replay, already exists as proposal ${earlier}`;
    return refuse(400, 'ProposalReplay', message);
  }
  const keys = [...recentProposals.keys(tx)];
  const median = keys[Math.floor(keys.length / 2)]?.split(':', 1)[0];
  if (median !== undefined && time < median) {
    const message = `Proposal created too long ago, created_at must be greater than ${median}`;
    return refuse(400, 'ProposalCreatedTooLongAgo', message);
  }
  recentProposals.set(tx, key, proposalId);
  const window =
    serviceConfiguration.get(tx)?.recent_cose_proposals_window_size ??
    governanceLimits.recentProposalsDefault;
  const surplus = keys.length + 1 - window;
  for (const oldest of [...keys, key].sort().slice(0, Math.max(surplus, 0)))
    recentProposals.delete(tx, oldest);
  return undefined;
}
