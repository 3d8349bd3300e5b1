import type { ProposalOut } from '@coco/api';
import { plainBallot, propose, type Session, type Signer, vote } from '@coco/client';
import type { Input, Io, Outcome } from '../command.ts';
import { connectionOf, signerOf, withConnection } from '../connection.ts';
import type { ProposedAction } from '../dev/govern.ts';
import { facts, short } from '../text.ts';

/** Runs `use` with a session and the member who signs, as the connection options say. */
export async function signing<T>(
  input: Input,
  io: Io,
  use: (session: Session, signer: Signer) => Promise<T>,
): Promise<T> {
  const connection = connectionOf(input, io);
  const signer = signerOf(connection);
  return withConnection(connection, io, (session) => use(session, signer));
}

/** What became of a proposal. `refusedBy`: states that mean that what was asked did not come about. */
export function proposalOutcome(
  result: ProposalOut | undefined,
  refusedBy: readonly string[] = ['Failed'],
): Outcome {
  if (result === undefined) return { ok: false, json: null, text: 'the service has no such proposal' };
  return {
    ok: !refusedBy.includes(result.proposalState),
    json: result,
    text: facts([
      ['proposal', result.proposalId],
      ['state', result.proposalState],
      ['ballots', result.ballotCount],
      ['failure', result.failure?.reason],
    ]),
  };
}

/** Proposes what `draft` comes to and votes for it, as the member who signs; says what is left to be done. */
export async function proposeAndVote(
  input: Input,
  io: Io,
  draft: (session: Session) => Promise<readonly ProposedAction[]>,
): Promise<Outcome> {
  const result = await signing(input, io, async (session, signer) => {
    const proposed = await propose(session, signer, { actions: await draft(session) });
    if (proposed.proposalState !== 'Open') return proposed;
    return vote(session, signer, proposed.proposalId, plainBallot(true));
  });
  const outcome = proposalOutcome(result, ['Failed', 'Rejected', 'Dropped']);
  if (result.proposalState !== 'Open') return outcome;
  const next = `other members vote by: coco governance vote ${short(result.proposalId)} --yes`;
  return { ...outcome, text: `${outcome.text}\n${next}` };
}
