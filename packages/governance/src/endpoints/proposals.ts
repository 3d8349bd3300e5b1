import { byteStringToUtf8, bytesToByteString } from '@coco/kv';
import { validateProposal } from '../constitution/evaluate.ts';
import { bytes, type GovResponse, javascript, json, noContent, refuse } from '../http.ts';
import {
  forgetOtherClosedProposals,
  proposalIdOf,
  proposalOut,
  proposalSource,
  recordEnvelope,
  resolve,
  rootBytes,
} from '../proposals.ts';
import { admitOnce } from '../replay.ts';
import { idOf, signedField, signedMemberId, signedProposalId, signerOf } from '../request.ts';
import {
  type Failure,
  type ProposalId,
  type ProposalInfo,
  proposalInfos,
  proposals,
} from '../tables/proposals.ts';
import type { GovContext } from '../world.ts';

/** `POST /gov/members/proposals:create`. */
export function createProposal(context: GovContext): GovResponse {
  const { tx, world } = context;
  const signer = signerOf(context);
  const id = proposalIdOf(rootBytes(world), signer.signature);
  const source = textOf(signer.payload);
  if (source === undefined) return refuse(400, 'InvalidInput', 'The proposal is not UTF-8 text.');

  const validation = validateProposal(tx, world, source);
  if (validation.kind === 'failed') return refuse(500, 'InternalError', validation.message);
  if (validation.kind === 'invalid') {
    return refuse(400, 'ProposalFailedToValidate', `Proposal failed to validate: ${validation.description}`);
  }
  // Reading the place of the new proposal makes equal submissions that race conflict with each other.
  if (proposals.has(tx, id)) return refuse(500, 'InternalError', 'Proposal ID collision.');
  const { createdAt, signature } = signer;
  const refusal = admitOnce(tx, { createdAt, signature, proposalId: id });
  if (refusal !== undefined) return refusal;

  const info: ProposalInfo = { proposer_id: signer.memberId, state: 'Open', ballots: {} };
  proposals.set(tx, id, bytesToByteString(signer.payload));
  proposalInfos.set(tx, id, info);
  recordEnvelope(tx, signer);
  return resolved(context, id, info, source);
}

/** `POST .../{proposalId}:withdraw`. */
export function withdrawProposal(context: GovContext): GovResponse {
  const { tx } = context;
  const signer = signerOf(context);
  const id = signedProposalId(context);
  if (typeof id !== 'string') return id;
  const info = proposalInfos.get(tx, id);
  // Nobody can tell whether it ever existed, or was closed and forgotten: the wish is fulfilled either way.
  if (info === undefined) return noContent();
  if (signer.memberId !== info.proposer_id) {
    const [proposer, caller] = [`m[${info.proposer_id}]`, `m[${signer.memberId}]`];
    return refuse(
      403,
      'AuthorizationFailed',
      `Proposal ${id} can only be withdrawn by proposer ${proposer}, not caller ${caller}.`,
    );
  }
  if (info.state === 'Withdrawn') return json(proposalOut(id, info));
  if (info.state !== 'Open') {
    const message = `Proposal ${id} is currently in state ${info.state} and cannot be withdrawn.`;
    return refuse(400, 'ProposalNotOpen', message);
  }
  const withdrawn: ProposalInfo = { ...info, state: 'Withdrawn' };
  proposalInfos.set(tx, id, withdrawn);
  forgetOtherClosedProposals(tx, id);
  recordEnvelope(tx, signer);
  return json(proposalOut(id, withdrawn));
}

/** `POST .../{proposalId}/ballots/{memberId}:submit`. */
export function submitBallot(context: GovContext): GovResponse {
  const { tx } = context;
  const id = signedProposalId(context);
  if (typeof id !== 'string') return id;
  const member = signedMemberId(context);
  if (typeof member !== 'string') return member;

  const info = proposalInfos.get(tx, id);
  const source = proposalSource(tx, id);
  if (info === undefined || source === undefined) return unknownProposal(id);
  if (info.state !== 'Open') {
    const message = `Proposal ${id} is currently in state ${info.state} - only Open proposals can receive votes`;
    return refuse(400, 'ProposalNotOpen', message);
  }
  const ballot = signedField(context, 'ballot');
  if ('status' in ballot) return ballot;
  const earlier = Object.hasOwn(info.ballots, member) ? info.ballots[member] : undefined;
  if (earlier === ballot.text) return json(proposalOut(id, info));
  if (earlier !== undefined) {
    return refuse(400, 'VoteAlreadyExists', `Different ballot already submitted by m[${member}] for ${id}.`);
  }
  recordEnvelope(tx, signerOf(context));
  const ballots = { ...info.ballots, [member]: ballot.text };
  return resolved(context, id, { ...info, ballots }, source);
}

/** `GET .../proposals`. */
export function listProposals({ tx }: GovContext): GovResponse {
  const value = [...proposalInfos.entries(tx)].map(([id, info]) => proposalOut(id, info));
  return json({ value });
}

/** `GET .../proposals/{proposalId}`. */
export function getProposal(context: GovContext): GovResponse {
  const id = idOf(context, 'proposalId');
  if (typeof id !== 'string') return id;
  const info = proposalInfos.get(context.tx, id);
  return info === undefined ? unknownProposal(id) : json(proposalOut(id, info));
}

/** `GET .../proposals/{proposalId}/actions`: the proposal byte for byte as it was signed. */
export function getActions(context: GovContext): GovResponse {
  const id = idOf(context, 'proposalId');
  if (typeof id !== 'string') return id;
  const proposal = proposals.get(context.tx, id);
  return proposal === undefined ? unknownProposal(id) : bytes(proposal);
}

/** `GET .../proposals/{proposalId}/ballots/{memberId}`. */
export function getBallot(context: GovContext): GovResponse {
  const id = idOf(context, 'proposalId');
  if (typeof id !== 'string') return id;
  const member = idOf(context, 'memberId');
  if (typeof member !== 'string') return member;
  const info = proposalInfos.get(context.tx, id);
  if (info === undefined) return refuse(404, 'ProposalNotFound', `Proposal ${id} does not exist.`);
  const ballot = Object.hasOwn(info.ballots, member) ? info.ballots[member] : undefined;
  if (ballot !== undefined) return javascript(ballot);
  return refuse(404, 'VoteNotFound', `Member m[${member}] has not voted for proposal ${id}.`);
}

function resolved(context: GovContext, id: ProposalId, info: ProposalInfo, source: string): GovResponse {
  const resolution = resolve(context.tx, context.world, { id, info, source });
  if (resolution.kind === 'standing') return json(proposalOut(id, resolution.info));
  const { failure } = resolution;
  if (failure.isRefusal) return refuse(409, 'UndoRefused', failure.reason);
  return refuse(500, 'InternalError', describe(failure));
}

function describe({ reason, trace }: Failure): string {
  return trace === undefined ? reason : `${reason}\nTrace: ${trace}`;
}

function unknownProposal(id: ProposalId): GovResponse {
  return refuse(404, 'ProposalNotFound', `Could not find proposal ${id}.`);
}

function textOf(payload: Uint8Array): string | undefined {
  try {
    return byteStringToUtf8(bytesToByteString(payload));
  } catch {
    return undefined;
  }
}
