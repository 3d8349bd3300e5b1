import type { UndoPreviewIn } from '@coco/api';
import { previewUndo, propose, undoProposal } from '@coco/client';
import { type Input, type Io, type Noun, needed, type Option, type Outcome } from '../command.ts';
import { connectionOptions } from '../connection.ts';
import { CliError } from '../errors.ts';
import { proposalOutcome, signing } from '../governance/signed.ts';
import { undoText } from '../governance/undo-text.ts';

const undoOptions: readonly Option[] = [
  {
    flags: '--policy <policy>',
    summary: 'restore what was there before, cascade to what depends on it, or compensate',
    default: 'restore',
  },
  { flags: '--module <path>', summary: 'with --policy compensate: the module of the contract' },
  { flags: '--function <name>', summary: 'with --policy compensate: the function that makes up for it' },
  { flags: '--allow-unrecorded-reads', summary: 'go ahead although some reads were not recorded' },
];

/** `coco undo`: take back what was committed, by vote. */
export const undo: Noun = {
  verbs: [
    {
      name: 'preview',
      arguments: '<txid...>',
      summary: 'What undoing transactions would change, and what depends on them; nothing happens',
      example: 'undo preview 2.117 --policy cascade',
      options: [...undoOptions, ...connectionOptions],
      run: async (input, io) => {
        const told = await signing(input, io, (session, signer) =>
          previewUndo(session, signer, askedIn(input)),
        );
        return { ok: told.possible, json: told, text: undoText(told) };
      },
    },
    {
      name: 'propose',
      arguments: '<txid...>',
      summary: 'Propose to undo transactions exactly as a preview showed',
      example: 'undo propose 2.117 --policy cascade --plan 6b0f... --reason "wrong unit"',
      options: [
        { flags: '--plan <digest>', summary: 'the plan of the preview that you have read, or its beginning' },
        { flags: '--reason <text>', summary: 'why, for the members who vote' },
        ...undoOptions,
        ...connectionOptions,
      ],
      run: proposeUndo,
    },
  ],
};

function askedIn(input: Input): UndoPreviewIn {
  const [policy, module, name] = ['policy', 'module', 'function'].map((option) => input.text(option));
  if (policy !== 'restore' && policy !== 'cascade' && policy !== 'compensate')
    throw new CliError('Usage', '--policy is restore, cascade or compensate');
  return {
    transactions: input.argumentsFrom(0),
    policy,
    ...(module === undefined ? {} : { module }),
    ...(name === undefined ? {} : { function: name }),
    ...(input.flag('allowUnrecordedReads') ? { allow_unrecorded_reads: true } : {}),
  };
}

async function proposeUndo(input: Input, io: Io): Promise<Outcome> {
  const plan = needed(input, 'plan', 'read a preview first: coco undo preview');
  if (plan.length < 8) throw new CliError('Usage', '--plan takes at least the first 8 digits');
  const asked = askedIn(input);
  const result = await signing(input, io, async (session, signer) => {
    const told = await previewUndo(session, signer, asked);
    if (told.plan !== undefined && !told.plan.startsWith(plan))
      throw new CliError('Failed', `the plan is ${told.plan} now: preview it again`);
    return propose(session, signer, undoProposal(asked, told, input.text('reason')));
  });
  return proposalOutcome(result, ['Failed', 'Rejected', 'Dropped']);
}
