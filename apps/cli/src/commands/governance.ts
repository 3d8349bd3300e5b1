import type { MemberOut, PreviewOut, ProposalOut } from '@coco/api';
import {
  ack,
  ClientError,
  constitution,
  encryptedShare,
  type GovRequest,
  govRequest,
  idOf,
  members,
  plainBallot,
  preview,
  proposal,
  proposalActions,
  proposals,
  propose,
  type Session,
  sendEnvelope,
  submitShare,
  vote,
  withdraw,
} from '@coco/client';
import { fromBase64 } from '@coco/crypto';
import type { Input, Io, Noun, Option, Outcome } from '../command.ts';
import {
  connectionOf,
  connectionOptions,
  signerOf,
  waitingForMe,
  withConnection,
  withSession,
} from '../connection.ts';
import { CliError } from '../errors.ts';
import { readBytes, readText, writeFile } from '../files.ts';
import { previewText } from '../governance/changes-text.ts';
import { draftJson, envelopeOf, readDraft } from '../governance/draft.ts';
import { proposedUndo, proposedUndoText } from '../governance/proposed-undo.ts';
import { proposalIn, rehearsalOptions, rehearse, rehearsed } from '../governance/rehearse.ts';
import { proposalOutcome, signing } from '../governance/signed.ts';
import { profileOf } from '../profiles.ts';
import { columns, counted, facts, short } from '../text.ts';

const ballotOptions: readonly Option[] = [
  { flags: '--yes', summary: 'a ballot in favour' },
  { flags: '--no', summary: 'a ballot against' },
  {
    flags: '--ballot <file>',
    summary: 'a ballot of your own: a module that exports vote(proposal, proposerId)',
  },
];

/** `coco governance`: what members do. */
export const governance: Noun = {
  verbs: [
    {
      name: 'propose',
      arguments: '<file>',
      summary: 'Propose the actions in a JSON file',
      example: 'governance propose set_user.json --dry-run --with all=yes',
      options: [...rehearsalOptions, ...connectionOptions],
      run: async (input, io) => {
        const text = new TextDecoder().decode(await readBytes(io, input.argument(0)));
        if (input.flag('dryRun')) {
          return signing(input, io, (session, signer) =>
            rehearse({ input, io, session, signer }, proposalIn(text)),
          );
        }
        const result = await signing(input, io, (session, signer) => propose(session, signer, text));
        return proposalOutcome(result, ['Failed', 'Rejected', 'Dropped']);
      },
    },
    {
      name: 'list',
      summary: 'The proposals, and which wait for your vote',
      example: 'governance list --waiting',
      options: [{ flags: '--waiting', summary: 'only those that wait for your vote' }, ...connectionOptions],
      run: listAll,
    },
    {
      name: 'show',
      arguments: '<proposal>',
      summary: 'What a proposal asks for, what it would change, and who voted how',
      example: 'governance show 8cc4...',
      options: connectionOptions,
      run: showOne,
    },
    {
      name: 'vote',
      arguments: '<proposal>',
      summary: 'Vote on a proposal',
      example: 'governance vote 8cc4... --yes',
      options: [...ballotOptions, ...rehearsalOptions, ...connectionOptions],
      run: async (input, io) => {
        const source = ballotSource(input, io);
        return signing(input, io, async (session, signer) => {
          const proposalId = await fullId(session, input.argument(0));
          if (!input.flag('dryRun')) return proposalOutcome(await vote(session, signer, proposalId, source));
          const mine = { [idOf(signer.certificate)]: source };
          return rehearse({ input, io, session, signer }, { proposalId }, mine);
        });
      },
    },
    {
      name: 'withdraw',
      arguments: '<proposal>',
      summary: 'Withdraw your own proposal',
      example: 'governance withdraw 8cc4...',
      options: connectionOptions,
      run: async (input, io) =>
        proposalOutcome(
          await signing(input, io, async (session, signer) =>
            withdraw(session, signer, await fullId(session, input.argument(0))),
          ),
        ),
    },
    {
      name: 'ack',
      summary: 'Acknowledge the state of the service: a new member becomes active by it',
      example: 'governance ack --cert member0_cert.pem --key member0_privk.pem',
      options: connectionOptions,
      run: async (input, io) => {
        const digest = await signing(input, io, ack);
        return {
          ok: true,
          json: digest,
          text: `acknowledged ${digest.stateDigest} as ${short(digest.memberId)}`,
        };
      },
    },
    {
      name: 'share',
      summary: 'Decrypt your recovery share and submit it, while the service waits for shares',
      example: 'governance share --encryption-key member0_enc_privk.pem',
      options: [
        { flags: '--encryption-key <pem>', summary: 'your private encryption key' },
        {
          flags: '--encrypted <file>',
          summary:
            'write the encrypted share here and leave it at that, to decrypt it elsewhere: see prepare',
        },
        ...connectionOptions,
      ],
      run: share,
    },
    {
      name: 'members',
      summary: 'The members',
      example: 'governance members',
      options: connectionOptions,
      run: listMembers,
    },
    {
      name: 'constitution',
      summary: 'The constitution in force',
      example: 'governance constitution > constitution.js',
      options: connectionOptions,
      run: async (input, io) => {
        const source = await withSession(input, io, constitution);
        return { ok: true, json: { constitution: source }, text: source };
      },
    },
    {
      name: 'prepare',
      arguments: '<action> [of]',
      summary:
        'First step with a key in a hardware module: what to sign. ' +
        'ACTION is propose FILE, preview FILE or ID, vote ID, withdraw ID, update, ack DIGEST or share FILE',
      example: 'governance prepare vote 8cc4... --yes --cert member0_cert.pem --out draft.json',
      options: [
        ...ballotOptions,
        { flags: '--cert <pem>', summary: 'your certificate' },
        { flags: '--created-at <seconds>', summary: 'Unix time to date it, instead of now' },
        { flags: '--out <file>', summary: 'write the draft here' },
        { flags: '--bytes <file>', summary: 'write the bytes to sign here, as openssl dgst takes them' },
        { flags: '--profile <name>', summary: 'take the certificate from this profile' },
      ],
      run: prepare,
    },
    {
      name: 'finish',
      arguments: '<draft>',
      summary: 'Second step: join the signature to the draft, and send it or write it',
      example: 'governance finish draft.json --signature signature.json',
      options: [
        {
          flags: '--signature <file>',
          summary: 'r || s or DER as bytes, or JSON {"value": base64} as Azure Key Vault answers',
        },
        { flags: '--out <file>', summary: 'write the signed envelope here instead of sending it' },
        ...connectionOptions,
      ],
      run: finish,
    },
  ],
};

async function listAll(input: Input, io: Io): Promise<Outcome> {
  const connection = connectionOf(input, io);
  const rows = await withConnection(connection, io, async (session) => {
    const waiting = await waitingForMe(session, connection);
    const found: (ProposalOut & { readonly awaitsYou: boolean })[] = [];
    for await (const row of proposals(session)) {
      found.push({ ...row, awaitsYou: waiting.some(({ proposalId }) => proposalId === row.proposalId) });
    }
    return found.filter(({ awaitsYou }) => awaitsYou || !input.flag('waiting'));
  });
  const lines = rows.map((row) => [
    short(row.proposalId),
    row.proposalState,
    counted(row.ballotCount, 'ballot'),
    `by ${short(row.proposerId)}`,
    row.awaitsYou ? 'waits for your vote' : '',
  ]);
  const nothing = input.flag('waiting') ? 'nothing waits for your vote' : 'no proposals';
  return { ok: true, json: { value: rows }, text: lines.length === 0 ? nothing : columns(lines) };
}

async function showOne(input: Input, io: Io): Promise<Outcome> {
  const connection = connectionOf(input, io);
  const [found, actions, told, undoes] = await withConnection(connection, io, async (session) => {
    const proposalId = await fullId(session, input.argument(0));
    const found = await proposal(session, proposalId);
    // What it would change is told to members only, because telling costs the service an evaluation.
    const asks = found.proposalState === 'Open' && connection.client !== undefined;
    const told = asks ? await previewIfTold(session, signerOf(connection), proposalId) : undefined;
    const actions = await proposalActions(session, proposalId);
    const undoes = told ? await proposedUndo(session, signerOf(connection), actions) : undefined;
    return [found, actions, told, undoes];
  });
  const votes = Object.entries(found.finalVotes ?? {}).map(
    ([member, yes]) => `  ${short(member)} voted ${yes ? 'for' : 'against'} it`,
  );
  const asked = actions.actions.map(({ name, args }) =>
    `  ${name} ${JSON.stringify(args, null, 2) ?? ''}`.trimEnd(),
  );
  const text = [
    facts([
      ['proposal', found.proposalId],
      ['state', found.proposalState],
      ['proposer', found.proposerId],
      ['ballots', found.ballotCount],
    ]),
    'actions',
    ...asked.map((action) => action.replaceAll('\n', '\n  ')),
    ...(votes.length === 0 ? [] : ['votes', ...votes]),
    ...(told === undefined ? [] : [previewText(told)]),
    ...(undoes === undefined ? [] : ['', proposedUndoText(undoes)]),
  ];
  const json = {
    ...found,
    ...actions,
    ...(told === undefined ? {} : { preview: told }),
    ...(undoes === undefined ? {} : { undo: undoes.preview }),
  };
  return { ok: true, json, text: text.join('\n') };
}

/** Undefined for who is no member, and for a service that has no previews. */
async function previewIfTold(
  session: Session,
  signer: ReturnType<typeof signerOf>,
  proposalId: string,
): Promise<PreviewOut | undefined> {
  try {
    return await preview(session, signer, { proposalId });
  } catch (error) {
    const status = error instanceof ClientError ? error.refusal?.status : undefined;
    if (status === 401 || status === 404 || status === 405) return undefined;
    throw error;
  }
}

async function share(input: Input, io: Io): Promise<Outcome> {
  const encrypted = input.text('encrypted');
  if (encrypted !== undefined) return fetchShare(input, io, encrypted);
  const file = input.text('encryptionKey') ?? profileOf(io, input.text('profile')).encryptionKey;
  if (file === undefined) throw new CliError('Usage', '--encryption-key is needed to decrypt the share');
  const key = readText(io, file);
  const result = await signing(input, io, (session, signer) => submitShare(session, signer, key));
  return { ok: true, json: result, text: result.message };
}

async function fetchShare(input: Input, io: Io, out: string): Promise<Outcome> {
  const memberId = idOf(certificateOf(input, io));
  writeFile(io, out, await withSession(input, io, (session) => encryptedShare(session, memberId)));
  const text = `written to ${out}: RSA-OAEP with SHA-256, to be decrypted with your encryption key`;
  return { ok: true, json: { memberId, written: out }, text };
}

/** Whose part it is: the certificate alone, for keys that are elsewhere. */
function certificateOf(input: Input, io: Io): string {
  const file = input.text('cert') ?? profileOf(io, input.text('profile')).cert;
  if (file === undefined) throw new CliError('Usage', '--cert is needed: who will sign?');
  return readText(io, file);
}

async function listMembers(input: Input, io: Io): Promise<Outcome> {
  const found = await withSession(input, io, async (session) => {
    const all: MemberOut[] = [];
    for await (const member of members(session)) all.push(member);
    return all;
  });
  const rows = found.map((row) => [
    short(row.memberId),
    row.status,
    row.recoveryRole,
    JSON.stringify(row.memberData),
  ]);
  return { ok: true, json: { value: found }, text: columns(rows) };
}

async function prepare(input: Input, io: Io): Promise<Outcome> {
  const certificate = certificateOf(input, io);
  const createdAt = input.whole('createdAt');
  const now = createdAt === undefined ? Date.now() : createdAt * 1000;
  const draft = draftJson(await requestOf(input, io, idOf(certificate), now), certificate);
  const text = `${JSON.stringify(draft, null, 2)}\n`;
  const out = input.text('out');
  if (out !== undefined) writeFile(io, out, text);
  const bytes = input.text('bytes');
  if (bytes !== undefined) writeFile(io, bytes, fromBase64(draft.toBeSigned));
  return {
    ok: true,
    json: draft,
    text: out === undefined ? text : `sign the digest ${draft.value} by ${draft.alg}`,
  };
}

async function requestOf(input: Input, io: Io, memberId: string, now: number): Promise<GovRequest> {
  const of = input.argument(1);
  switch (input.argument(0)) {
    case 'propose':
      return govRequest.propose(new TextDecoder().decode(await readBytes(io, of)), now);
    case 'preview': {
      if (/^[0-9a-f]{64}$/.test(of)) return govRequest.preview({ proposalId: of }, now);
      return govRequest.preview(proposalIn(new TextDecoder().decode(await readBytes(io, of))), now);
    }
    case 'vote':
      return govRequest.vote({ proposalId: of, memberId }, ballotSource(input, io), now);
    case 'withdraw':
      return govRequest.withdraw(of, now);
    case 'update':
      return govRequest.updateDigest(memberId, now);
    case 'ack':
      return govRequest.ack(memberId, of, now);
    case 'share':
      return govRequest.submitShare(memberId, await readBytes(io, of), now);
    default:
      throw new CliError(
        'Usage',
        `${input.argument(0)} is none of propose, preview, vote, withdraw, update, ack, share`,
      );
  }
}

async function finish(input: Input, io: Io): Promise<Outcome> {
  const draft = readDraft(readText(io, input.argument(0)));
  const signature = input.text('signature');
  if (signature === undefined) throw new CliError('Usage', '--signature is needed');
  const envelope = envelopeOf(draft, await readBytes(io, signature));
  const out = input.text('out');
  if (out !== undefined) {
    writeFile(io, out, envelope);
    return {
      ok: true,
      json: { written: out, path: draft.path },
      text: `written to ${out}, to be posted to ${draft.path}`,
    };
  }
  const answer = await withSession(input, io, (session) =>
    sendEnvelope<unknown>(session, draft.path, envelope),
  );
  if (draft.message.type === 'preview') return rehearsed(answer as PreviewOut);
  return {
    ok: true,
    json: answer ?? null,
    text: answer === undefined ? 'done' : JSON.stringify(answer, null, 2),
  };
}

function ballotSource(input: Input, io: Io): string {
  const file = input.text('ballot');
  const given = [input.flag('yes'), input.flag('no'), file !== undefined].filter(Boolean).length;
  if (given !== 1) throw new CliError('Usage', 'give one of --yes, --no and --ballot FILE');
  return file === undefined ? plainBallot(input.flag('yes')) : readText(io, file);
}

/** People type the beginning of an id, as `list` shows it. */
async function fullId(session: Session, typed: string): Promise<string> {
  if (typed.length === 64) return typed;
  const matches: string[] = [];
  for await (const { proposalId } of proposals(session))
    if (proposalId.startsWith(typed)) matches.push(proposalId);
  if (matches.length === 1 && matches[0] !== undefined) return matches[0];
  const found = matches.length === 0 ? 'no proposal begins' : `${matches.length} proposals begin`;
  throw new CliError('Failed', `${found} with ${typed}`);
}
