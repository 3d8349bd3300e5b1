import { resolve } from 'node:path';
import { network as askNetwork, nodes } from '@coco/client';
import { formatTxId } from '@coco/ledger';
import type { Input, Io, Noun, Outcome } from '../command.ts';
import { connectionOf, connectionOptions, withConnection } from '../connection.ts';
import { CliError } from '../errors.ts';
import { proposeAndVote } from '../governance/signed.ts';
import { byReach, type Missing, type Reach, reachOf } from '../ledger/reach.ts';
import { adviceOn } from '../network/advice.ts';
import { type NetworkStanding, standingOf } from '../network/standing.ts';
import { validityOf, validityOptions } from '../network/validity.ts';
import { columns, counted, facts, short } from '../text.ts';

/** `coco network`: the nodes of a service together. */
export const network: Noun = {
  verbs: [
    {
      name: 'status',
      summary:
        'How every node stands: role, view, what it has committed, how far it lags; and what to do next',
      example: 'network status --profile operator',
      options: connectionOptions,
      run: status,
    },
    {
      name: 'renew',
      summary: 'Propose a new validity of the service certificate, and vote for it: the key stays',
      example: 'network renew --days 365 --profile member0',
      options: [...validityOptions, ...connectionOptions],
      run: (input, io) =>
        proposeAndVote(input, io, async () => [
          { name: 'set_service_certificate_validity', args: validityOf(input) },
        ]),
    },
    {
      name: 'rekey',
      summary: 'Propose a new ledger secret for what is written from then on, and vote for it',
      example: 'network rekey --profile member0',
      options: connectionOptions,
      run: (input, io) => proposeAndVote(input, io, async () => [{ name: 'trigger_ledger_rekey' }]),
    },
    {
      name: 'recovery',
      arguments: '<ledgers...>',
      summary: 'All nodes are gone: which of the ledger folders that are left to recover from, and how',
      example: 'network recovery node0/ledger node1/ledger node2/ledger',
      run: planRecovery,
    },
  ],
};

async function status(input: Input, io: Io): Promise<Outcome> {
  const connection = connectionOf(input, io);
  const standing = await withConnection(connection, io, async (session) =>
    standingOf(await askNetwork(session), await nodes(session), connection.serviceCertificate),
  );
  const advice = adviceOn(standing);
  return {
    ok: standing.primary !== null && standing.spare >= 0,
    json: { ...standing, advice },
    text: [standingText(standing), ...advice].join('\n'),
  };
}

function standingText({ nodes, primary, service, spare }: NetworkStanding): string {
  const head = ['NODE', 'STATUS', 'ROLE', 'STATE', 'VIEW', 'COMMITTED', 'LAG', 'ADDRESS'];
  const rows = nodes.map(({ address, answers, id, lag, problem, status, votes }) =>
    answers === null
      ? [short(id), status, '-', '-', '-', '-', '-', `${address} (${problem})`]
      : [
          short(id),
          status,
          votes || status !== 'Trusted' ? roleOf(answers.role, id === primary) : 'no vote',
          answers.state,
          String(answers.view),
          String(answers.committed),
          String(lag ?? '-'),
          address,
        ],
  );
  const summary = facts([
    ['service', service.service_status],
    ['recovered', service.recovery_count === 0 ? undefined : counted(service.recovery_count, 'time')],
    ['may lose', counted(Math.max(0, spare), 'node')],
  ]);
  return `${summary}\n\n${columns([head, ...rows])}\n`;
}

/** In the words of those who look from outside. */
function roleOf(role: string, isPrimary: boolean): string {
  if (isPrimary) return 'primary';
  return role === 'Follower' ? 'backup' : role.toLowerCase();
}

async function planRecovery(input: Input, io: Io): Promise<Outcome> {
  const folders = input.argumentsFrom(0);
  const reaches = byReach(folders.map((folder) => reachOf(resolve(io.directory, folder))));
  const named = reaches.map((reach) => ({
    ledger: folders.find((folder) => resolve(io.directory, folder) === reach.folder) ?? reach.folder,
    lastSigned: reach.lastSigned === null ? null : formatTxId(reach.lastSigned),
    lastEntry: reach.lastEntry,
    missing: reach.missing,
  }));
  const [best] = named;
  if (best?.lastSigned == null) throw new CliError('Failed', 'none of these folders holds a signed ledger');
  return { ok: true, json: { ledgers: named, recoverFrom: best.ledger }, text: planText(named, reaches) };
}

function lacking(missing: Missing | null): readonly string[] {
  if (missing === null) return [];
  return [
    `It lacks the entries ${missing.from} to ${missing.to}: name the ledgers that have them under "read_only_directories"`,
    'of the section "ledger" of its configuration, else nothing before can be read, or the node refuses to start.',
  ];
}

interface NamedReach {
  readonly ledger: string;
  readonly lastSigned: string | null;
  readonly lastEntry: number;
}

function planText(named: readonly NamedReach[], reaches: readonly Reach[]): string {
  const rows = named.map(({ lastEntry, lastSigned, ledger }) => [
    ledger,
    lastSigned ?? 'nothing signed',
    String(lastEntry),
  ]);
  const ledger = named[0]?.ledger ?? '';
  const lost = (reaches[0]?.lastEntry ?? 0) - (reaches[0]?.lastSigned?.seqno ?? 0);
  const unsigned = `${counted(lost, 'entry', 'entries')} after its last signature ${lost === 1 ? 'is' : 'are'} dropped`;
  return [
    columns([['LEDGER', 'SIGNED UP TO', 'LAST ENTRY'], ...rows]),
    '',
    `Recover from ${ledger}${lost > 0 ? `; ${unsigned}, nobody was told that they are committed` : ''}.`,
    ...lacking(reaches[0]?.missing ?? null),
    '',
    `1. Check it:             coco ledger verify ${ledger}`,
    '2. Start one node on it: "command": { "type": "Recover",',
    '                           "service_certificate_file": "service_cert.pem",',
    '                           "recover": { "previous_service_identity_file": "previous_service_cert.pem" } }',
    '3. Start the others:     "command": { "type": "Join", ... } with the new service_cert.pem: they are trusted at once',
    '4. A member proposes:    transition_service_to_open with previous_service_identity and next_service_identity',
    '5. Members give shares:  coco governance share, until enough have',
    '6. Watch:                coco network status',
    '',
    'Keep the other ledgers until the service is open.',
  ].join('\n');
}
