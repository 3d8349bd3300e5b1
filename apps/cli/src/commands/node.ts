import type { NodeOut, NodesOut, QuoteOut, StateOut } from '@coco/api';
import { accepted, get, nodeState, nodes, type Session } from '@coco/client';
import type { Input, Io, Noun, Option, Outcome } from '../command.ts';
import { connectionOptions, withSession } from '../connection.ts';
import type { ProposedAction } from '../dev/govern.ts';
import { CliError } from '../errors.ts';
import { proposeAndVote } from '../governance/signed.ts';
import { validityOf, validityOptions } from '../network/validity.ts';
import { columns, counted, facts, short } from '../text.ts';

const status: Option = { flags: '--status <status>', summary: 'only those: pending, trusted or retired' };
const party: Option = {
  flags: '--party <party>',
  summary: 'whose they are: they keep what only the nodes of that party keep',
};
const pollMs = 200;
const waitMs = 60_000;

/** `coco node`: the nodes of a service, one by one. IDs may be cut short. */
export const node: Noun = {
  verbs: [
    {
      name: 'list',
      summary: 'The nodes of the service',
      example: 'node list --status pending',
      options: [status, ...connectionOptions],
      run: list,
    },
    {
      name: 'show',
      arguments: '[node]',
      summary: 'What the service knows of a node; of the contacted one unless said otherwise',
      example: 'node show 3f1c',
      options: connectionOptions,
      run: show,
    },
    {
      name: 'trust',
      arguments: '<nodes...>',
      summary: 'Propose to let nodes in that ask to join, and vote for it',
      example: 'node trust 3f1c --profile member0',
      options: [party, ...validityOptions, ...connectionOptions],
      run: (input, io) =>
        proposeForEach(input, io, 'Pending', (node_id) => ({
          name: 'transition_node_to_trusted',
          args: { node_id, ...partyIn(input), ...validityOf(input) },
        })),
    },
    {
      name: 'retire',
      arguments: '<nodes...>',
      summary:
        'Propose to take nodes out of the service, and vote for it. They go on until that is committed',
      example: 'node retire 3f1c --wait --profile member0',
      options: [
        { flags: '--wait', summary: 'resolve when their processes may be stopped' },
        ...connectionOptions,
      ],
      run: retire,
    },
    {
      name: 'forget',
      arguments: '<nodes...>',
      summary: 'Delete the records of nodes whose retirement is committed',
      example: 'node forget 3f1c',
      options: connectionOptions,
      run: forget,
    },
    {
      name: 'renew',
      arguments: '[nodes...]',
      summary: 'Propose a new validity of certificates, of all nodes unless some are named, and vote for it',
      example: 'node renew --days 90 --profile member0',
      options: [...validityOptions, ...connectionOptions],
      run: renew,
    },
  ],
};

function partyIn(input: Input): { readonly party?: string } {
  const named = input.text('party');
  return named === undefined ? {} : { party: named };
}

async function list(input: Input, io: Io): Promise<Outcome> {
  const wanted = input.text('status');
  const filter = wanted === undefined ? '' : `?status=${capitalised(wanted)}`;
  const found = await withSession(input, io, (session) =>
    get<NodesOut>(session, `/node/network/nodes${filter}`),
  );
  const rows = found.nodes.map((row) => [
    short(row.node_id),
    row.status,
    row.primary ? 'primary' : '',
    addressesOf(row).join(' '),
  ]);
  return { ok: true, json: found, text: rows.length === 0 ? 'no nodes' : columns(rows) };
}

async function show(input: Input, io: Io): Promise<Outcome> {
  const [found, quote, state] = await withSession(
    input,
    io,
    async (session): Promise<[NodeOut, QuoteOut | undefined, StateOut | undefined]> => {
      const typed = input.argument(0);
      const found =
        typed === ''
          ? await get<NodeOut>(session, '/node/network/nodes/self')
          : await nodeCalled(session, typed);
      const { attestations } = await get<{ attestations: QuoteOut[] }>(session, '/node/attestations');
      const quote = attestations.find(({ node_id }) => node_id === found.node_id);
      return [found, quote, typed === '' ? await nodeState(session) : undefined];
    },
  );
  const { format, measurement } = quote ?? {};
  return {
    ok: true,
    json: { ...found, ...(quote && { attestation: quote }), ...(state && { state }) },
    text: facts([
      ['node', found.node_id],
      ['status', found.status],
      ['role', found.primary ? 'primary' : 'backup'],
      ['address', addressesOf(found).join(' ')],
      ['state', state?.state],
      ['last signed', state?.last_signed_seqno],
      ['stop notice', state?.stop_notice ? 'it was asked to stop' : undefined],
      ['evidence', format === 'Insecure_Virtual' ? 'virtual: proves nothing' : format],
      ['measurement', measurement],
      ['data', found.node_data === null ? undefined : JSON.stringify(found.node_data)],
      ['record of', found.last_written],
    ]),
  };
}

/** One proposal with an action for each node named; `expected` is what their status has to be. */
function proposeForEach(
  input: Input,
  io: Io,
  expected: NodeOut['status'] | undefined,
  action: (nodeId: string) => ProposedAction,
): Promise<Outcome> {
  return proposeAndVote(input, io, async (session) => {
    const found = await Promise.all(input.argumentsFrom(0).map((typed) => nodeCalled(session, typed)));
    for (const { node_id, status } of found) {
      if (expected === undefined || status === expected) continue;
      throw new CliError('Failed', `node ${short(node_id)} is ${status}, not ${expected}`);
    }
    return found.map(({ node_id }) => action(node_id));
  });
}

async function retire(input: Input, io: Io): Promise<Outcome> {
  const proposed = await proposeForEach(input, io, undefined, (node_id) => ({
    name: 'remove_node',
    args: { node_id },
  }));
  if (!proposed.ok || !input.flag('wait')) return proposed;
  io.progress(proposed.text);
  const gone = await withSession(input, io, async (session) => {
    const deadline = session.world.now() + waitMs;
    while (session.world.now() < deadline) {
      if (await mayStop(session, input.argumentsFrom(0))) return true;
      await session.world.sleep(pollMs);
    }
    return false;
  });
  const text = gone
    ? 'their processes may be stopped'
    : `not retired within ${waitMs / 1000} s: keep them running`;
  return { ok: gone, json: { ...(proposed.json as object), mayStop: gone }, text };
}

/** A node that was pending leaves no record; one that was trusted becomes removable. */
async function mayStop(session: Session, typed: readonly string[]): Promise<boolean> {
  const removable = await get<NodesOut>(session, '/node/network/removable_nodes');
  const left = (await nodes(session)).filter(
    ({ node_id }) => !removable.nodes.some((other) => other.node_id === node_id),
  );
  return !typed.some((begin) => left.some(({ node_id }) => node_id.startsWith(begin)));
}

async function forget(input: Input, io: Io): Promise<Outcome> {
  const forgotten = await withSession(input, io, async (session) => {
    const found = await Promise.all(input.argumentsFrom(0).map((typed) => nodeCalled(session, typed)));
    for (const { node_id } of found) {
      const path = `/node/network/nodes/${node_id}`;
      accepted(await session.request({ method: 'DELETE', path }), path);
    }
    return found.map(({ node_id }) => node_id);
  });
  return { ok: true, json: { forgotten }, text: `forgot ${counted(forgotten.length, 'node')}` };
}

function renew(input: Input, io: Io): Promise<Outcome> {
  const validity = validityOf(input);
  if (input.argumentsFrom(0).length > 0) {
    return proposeForEach(input, io, 'Trusted', (node_id) => ({
      name: 'set_node_certificate_validity',
      args: { node_id, ...validity },
    }));
  }
  return proposeAndVote(input, io, async () => [
    { name: 'set_all_nodes_certificate_validity', args: validity },
  ]);
}

/** The node whose id begins so. */
async function nodeCalled(session: Session, typed: string): Promise<NodeOut> {
  const matches = (await nodes(session)).filter(({ node_id }) => node_id.startsWith(typed));
  const [found] = matches;
  if (found !== undefined && matches.length === 1) return found;
  const how = matches.length === 0 ? 'no node of the service begins' : `${matches.length} nodes begin`;
  throw new CliError('Failed', `${how} with ${typed}: coco node list`);
}

function addressesOf({ rpc_interfaces }: NodeOut): string[] {
  return Object.values(rpc_interfaces).map(({ published_address }) => published_address);
}

const capitalised = (word: string) => word.slice(0, 1).toUpperCase() + word.slice(1).toLowerCase();
