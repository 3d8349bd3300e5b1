import type { PreviewOut, ProposalIn } from '@coco/api';
import { members, plainBallot, preview, type Session, type Signer } from '@coco/client';
import type { Input, Io, Option, Outcome } from '../command.ts';
import { CliError } from '../errors.ts';
import { readText } from '../files.ts';
import { previewText } from './changes-text.ts';

/** The options of verbs that can be tried without consequences. */
export const rehearsalOptions: readonly Option[] = [
  { flags: '--dry-run', summary: 'tell what it would change and decide, and leave it at that' },
  {
    flags: '--with <ballot>',
    summary:
      'a ballot that might be cast, for --dry-run: MEMBER=yes, MEMBER=no, MEMBER=FILE, all=yes (repeatable)',
    repeats: true,
  },
];

/** What is tried: an open proposal, or one that nobody has made yet. */
export type Tried = { readonly proposalId: string } | ProposalIn;

/** Reads a proposal as it would be submitted; throws `Failed` for what is none. */
export function proposalIn(text: string): ProposalIn {
  try {
    const proposal = JSON.parse(text) as ProposalIn;
    if (Array.isArray(proposal.actions)) return proposal;
  } catch {
    // Falls through: whatever is wrong with it, it is no proposal.
  }
  throw new CliError('Failed', 'this is no proposal: {"actions": [{"name": ..., "args": ...}]}');
}

/** Asks the service what would come of it, with the ballots of `--with` and those given here. */
export async function rehearse(
  { input, io, session, signer }: { input: Input; io: Io; session: Session; signer: Signer },
  tried: Tried,
  ballots: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const assumed = await assumedBallots(input, io, session);
  const told = await preview(session, signer, { ...tried, ballots: { ...assumed, ...ballots } });
  return rehearsed(told);
}

/** What came of a rehearsal; it is well when the proposal is valid and could be carried out. */
export function rehearsed(told: PreviewOut): Outcome {
  return { ok: told.valid && told.failure === undefined, json: told, text: previewText(told) };
}

/** The ballots of `--with`, by full member id. */
async function assumedBallots(
  input: Input,
  io: Io,
  session: Session,
): Promise<Readonly<Record<string, string>>> {
  const given = input.texts('with');
  if (given.length === 0) return {};
  const ids: string[] = [];
  for await (const { memberId, status } of members(session)) if (status === 'Active') ids.push(memberId);
  const ballots: Record<string, string> = {};
  for (const text of given) {
    const equals = text.indexOf('=');
    if (equals < 1) throw new CliError('Usage', `--with takes MEMBER=BALLOT, not ${text}`);
    const [who, vote] = [text.slice(0, equals), text.slice(equals + 1)];
    const ballot = vote === 'yes' || vote === 'no' ? plainBallot(vote === 'yes') : readText(io, vote);
    for (const id of voters(ids, who)) ballots[id] = ballot;
  }
  return ballots;
}

function voters(ids: readonly string[], who: string): readonly string[] {
  if (who === 'all') return ids;
  const matches = ids.filter((id) => id.startsWith(who));
  if (matches.length === 1) return matches;
  const found = matches.length === 0 ? 'no active member begins' : `${matches.length} members begin`;
  throw new CliError('Failed', `${found} with ${who}`);
}
