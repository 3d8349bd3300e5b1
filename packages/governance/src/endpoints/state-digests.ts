import { toBase64 } from '@coco/crypto';
import type { Tx } from '@coco/kv';
import { type GovResponse, json, noContent, refuse } from '../http.ts';
import { activateMember, isRecoveryMember } from '../membership.ts';
import { signedField, signerOf } from '../request.ts';
import { signatures } from '../tables/internal.ts';
import { type MemberId, memberAcks, memberInfos } from '../tables/members.ts';
import { serviceInfo } from '../tables/service.ts';
import type { GovContext } from '../world.ts';

/** `GET /gov/members/state-digests/{memberId}`. */
export function getStateDigest({ tx, request }: GovContext): GovResponse {
  const memberId = request.params.memberId ?? '';
  const ack = memberAcks.get(tx, memberId);
  if (ack === undefined) {
    return refuse(404, 'ResourceNotFound', `No ACK record exists for member m[${memberId}].`);
  }
  return json({ memberId, stateDigest: ack.state_digest });
}

/** `POST .../{memberId}:update`: the digest to acknowledge becomes the root of the latest signature. */
export function updateStateDigest(context: GovContext): GovResponse {
  const { tx } = context;
  const memberId = ownId(context);
  if (typeof memberId !== 'string') return memberId;
  const root = signatures.get(tx)?.root;
  if (root === undefined) {
    return refuse(500, 'InternalError', 'Service has no signatures to ack yet - try again soon.');
  }
  memberAcks.set(tx, memberId, { ...memberAcks.get(tx, memberId), state_digest: root });
  return json({ memberId, stateDigest: root });
}

/** `POST .../{memberId}:ack`: the member has seen this state of the service, and counts from now on. */
export function ackStateDigest(context: GovContext): GovResponse {
  const { tx } = context;
  const memberId = ownId(context);
  if (typeof memberId !== 'string') return memberId;
  const ack = memberAcks.get(tx, memberId);
  if (ack === undefined) {
    return refuse(403, 'AuthorizationFailed', `No ACK record exists for member m[${memberId}].`);
  }
  const signed = signedField(context, 'stateDigest');
  if ('status' in signed) return signed;
  // An empty digest is that of a member of the first hour who has not asked for one yet.
  if (signed.text !== ack.state_digest || ack.state_digest === '') {
    const comparison = `Expected\n ${ack.state_digest}\nReceived\n ${signed.text}`;
    return refuse(400, 'StateDigestMismatch', `Submitted state digest is not valid.\n${comparison}`);
  }
  if (isLateRecoveryMember(tx, memberId)) {
    return refuse(400, 'InvalidInput', 'Recovery members cannot be activated during recovery.');
  }
  const envelope = toBase64(signerOf(context).envelope);
  memberAcks.set(tx, memberId, { state_digest: ack.state_digest, cose_sign1_req: envelope });
  return activate(context, memberId);
}

function activate({ tx, world }: GovContext, memberId: MemberId): GovResponse {
  const isNew = activateMember(tx, memberId);
  if (isNew && isRecoveryMember(tx, memberId) && serviceInfo.get(tx)?.status === 'Open') {
    world.node.triggerRecoverySharesRefresh(tx);
  }
  return noContent();
}

/** The lost service's shares are among those who were members then: no new holder can join in between. */
function isLateRecoveryMember(tx: Tx, memberId: MemberId): boolean {
  const status = serviceInfo.get(tx)?.status;
  const recovering = status === 'Recovering' || status === 'WaitingForRecoveryShares';
  return recovering && isRecoveryMember(tx, memberId) && memberInfos.get(tx, memberId)?.status !== 'Active';
}

/** The member of the path, who must be the signer: here told apart by another code than elsewhere. */
function ownId(context: GovContext): MemberId | GovResponse {
  const asked = context.request.params.memberId ?? '';
  const { memberId } = signerOf(context);
  if (asked === memberId) return asked;
  return refuse(
    400,
    'InvalidAuthenticationInfo',
    `Member ID from path parameter (m[${asked}]) does not match member ID from body signature (m[${memberId}]).`,
  );
}
