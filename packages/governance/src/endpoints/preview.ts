import { type GovResponse, json, refuse } from '../http.ts';
import { preview } from '../preview.ts';
import { type OpenProposal, proposalSource } from '../proposals.ts';
import { isRecord, jsonIn, memberOf } from '../request.ts';
import type { MemberId } from '../tables/members.ts';
import { proposalInfos } from '../tables/proposals.ts';
import type { GovContext } from '../world.ts';

/** Stands for the id that a proposal gets when it is made. */
const noId = '0'.repeat(64);

/** `POST /gov/members/proposals:preview`. */
export function previewProposal(context: GovContext): GovResponse {
  const asked = askedIn(context);
  if ('status' in asked) return asked;
  const { proposal } = asked;
  const told = preview(context.tx, context.world, proposal, { isNew: proposal.id === noId });
  // Whatever the rehearsal wrote is forgotten with its transaction.
  return { ...json(told), applyWrites: false };
}

function askedIn(context: GovContext): { readonly proposal: OpenProposal } | GovResponse {
  const asker = memberOf(context);
  if ('status' in asker) return asker;
  const parsed = jsonIn(asker.sent);
  if ('problem' in parsed) return refuse(400, 'InvalidInput', `The request is not JSON: ${parsed.problem}`);
  const { value } = parsed;
  if (!isRecord(value)) return refuse(400, 'InvalidInput', 'The request is not a JSON object.');
  const { ballots = {}, proposalId, ...proposal } = value;
  if (!isBallots(ballots)) {
    return refuse(400, 'InvalidInput', 'The field "ballots" is not an object of texts by member id.');
  }
  if (proposalId === undefined) {
    const info = { proposer_id: asker.id, state: 'Open', ballots } as const;
    return { proposal: { id: noId, info, source: JSON.stringify(proposal) } };
  }
  return openProposal(context, String(proposalId), ballots);
}

/** A proposal that is there, with ballots that might still be cast. */
function openProposal(
  { tx }: GovContext,
  id: string,
  ballots: Readonly<Record<MemberId, string>>,
): { readonly proposal: OpenProposal } | GovResponse {
  const info = proposalInfos.get(tx, id);
  const source = proposalSource(tx, id);
  if (info === undefined || source === undefined) {
    return refuse(404, 'ProposalNotFound', `Could not find proposal ${id}.`);
  }
  if (info.state !== 'Open') {
    return refuse(
      400,
      'ProposalNotOpen',
      `Proposal ${id} is in state ${info.state}: it changes nothing any more.`,
    );
  }
  return { proposal: { id, info: { ...info, ballots: { ...info.ballots, ...ballots } }, source } };
}

function isBallots(value: unknown): value is Readonly<Record<MemberId, string>> {
  return isRecord(value) && Object.values(value).every((each) => typeof each === 'string');
}
