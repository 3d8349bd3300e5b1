import { plainBallot, propose, type Session, type Signer, vote } from '@coco/client';
import { CliError } from '../errors.ts';

/** One action of a proposal: its name in the constitution, and its arguments if it takes any. */
export interface ProposedAction {
  readonly name: string;
  readonly args?: unknown;
}

/**
 * Puts actions to the vote of members who are all in favour: the first one proposes, and they vote until it is
 * decided. Throws `Failed` when they do not accept.
 */
export async function decide(
  session: Session,
  signers: readonly Signer[],
  actions: readonly ProposedAction[],
): Promise<void> {
  const [proposer] = signers;
  if (proposer === undefined) throw new CliError('Usage', 'a service needs a member');
  let { proposalId, proposalState } = await propose(session, proposer, { actions });
  for (const signer of signers) {
    if (proposalState !== 'Open') break;
    ({ proposalState } = await vote(session, signer, proposalId, plainBallot(true)));
  }
  if (proposalState === 'Accepted') return;
  const what = actions.map(({ name }) => name).join(', ');
  throw new CliError('Failed', `the members' proposal (${what}) is ${proposalState}`);
}
