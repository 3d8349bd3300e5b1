import type { GovMessageType } from '@coco/api';
import { fromBase64, parseSign1 } from '@coco/crypto';
import type { Tx, WriteSet } from '@coco/kv';
import type { MemberCoseIdentity } from '../authenticate/caller.ts';
import { memberCose } from '../authenticate/cose.ts';
import { createProposal, submitBallot, withdrawProposal } from '../endpoints/proposals.ts';
import { ackStateDigest } from '../endpoints/state-digests.ts';
import { GovernanceError } from '../errors.ts';
import type { GovResponse } from '../http.ts';
import { json } from '../tables/codec.ts';
import { type MemberAck, memberAcks } from '../tables/members.ts';
import { coseHistory } from '../tables/proposals.ts';
import type { GovContext, GovernanceWorld } from '../world.ts';

const text = json<string>();
const ack = json<MemberAck>();

/** Requests that leave their envelope in the ledger: whether the signer must be active, and who handles them. */
const handlers: Readonly<
  Partial<Record<GovMessageType, { active: boolean; handle: (context: GovContext) => GovResponse }>>
> = {
  proposal: { active: true, handle: createProposal },
  ballot: { active: true, handle: submitBallot },
  withdrawal: { active: true, handle: withdrawProposal },
  ack: { active: false, handle: ackStateDigest },
};

/** The signed request that an entry records, if any. An acknowledgement is kept with its member's digest. */
export function findEnvelope(tx: Tx, writeSet: WriteSet): Uint8Array | undefined {
  for (const value of writeSet.get(coseHistory.name)?.values() ?? []) {
    if (value !== null) return fromBase64(text.decode(value));
  }
  for (const [id, value] of writeSet.get(memberAcks.name) ?? []) {
    const signed = value === null ? undefined : ack.decode(value).cose_sign1_req;
    // Asking for a new digest keeps the envelope of the last acknowledgement beside it.
    if (signed !== undefined && signed !== memberAcks.get(tx, id)?.cose_sign1_req) return fromBase64(signed);
  }
  return undefined;
}

/** Does again in `tx` what the request did. Answers why it could not have been, or undefined. */
export function replayRequest(tx: Tx, world: GovernanceWorld, envelope: Uint8Array): string | undefined {
  const type = messageType(envelope);
  const handler = handlers[type as GovMessageType];
  if (handler === undefined) return `a signed request of type ${String(type)} changes nothing`;
  const headers = { 'content-type': 'application/cose' };
  const credentials = { headers, body: envelope, certificate: null };
  const verdict = memberCose(tx, credentials, { type: type as GovMessageType, active: handler.active });
  if ('reason' in verdict) return `the signed ${type} does not hold: ${verdict.reason}`;
  const response = handler.handle(contextOf(tx, world, verdict.caller));
  if (response.status >= 200 && response.status < 300) return undefined;
  return `the signed ${type} would have been refused: ${String(response.body)}`;
}

function messageType(envelope: Uint8Array): unknown {
  try {
    return parseSign1(envelope).protected.get('ccf.gov.msg.type');
  } catch (cause) {
    throw new GovernanceError('MalformedEnvelope', 'The ledger holds a signed request that is none.', {
      cause,
    });
  }
}

/** The path of a request repeats what was signed. */
function contextOf(tx: Tx, world: GovernanceWorld, caller: MemberCoseIdentity): GovContext {
  const params = { memberId: caller.memberId, proposalId: caller.proposalId ?? '' };
  const query = { get: () => null };
  const request = { method: 'POST', path: '', params, query, headers: {}, body: caller.envelope };
  return { tx, world, caller, request };
}
