import { ContractError, type Engine, type HostValue } from '@coco/contracts';
import type { ReadableMapState } from '@coco/kv';
import { type MemberId, memberInfos } from '../tables/members.ts';
import { constitution } from '../tables/service.ts';
import type { Runner } from './run.ts';

/** What a constitution must export, and with how many parameters. */
const required: readonly { readonly name: string; readonly parameters: readonly number[] }[] = [
  { name: 'validate', parameters: [1] },
  { name: 'resolve', parameters: [3, 4] },
  { name: 'apply', parameters: [2] },
];

/** Refuses a text that is no constitution: does not parse, or lacks a function. Throws TypeError. */
export function checkConstitution(engine: Engine, text: HostValue): string {
  if (typeof text !== 'string' || text === '') throw new TypeError('Constitution must be a non-empty string');
  let exported: ReadonlyMap<string, number>;
  try {
    const entry = 'proposed constitution';
    exported = engine.exportedFunctions({ modules: new Map([[entry, text]]), entry });
  } catch (error) {
    if (!(error instanceof ContractError)) throw error;
    const where = error.line === undefined ? '' : ` (line ${error.line})`;
    throw new TypeError(`Constitution does not parse: ${error.message}${where}`);
  }
  for (const { name, parameters } of required) {
    const found = exported.get(name);
    if (found === undefined) throw new TypeError(`Constitution does not export a function ${name}`);
    if (!parameters.includes(found)) {
      const wanted = parameters.join(' or ');
      throw new TypeError(`Constitution's ${name} takes ${found} parameters, but should take ${wanted}`);
    }
  }
  return text;
}

/**
 * Refuses a constitution that is none, or under which nothing could ever be decided again, not even with
 * every member in favour: that is tried with `runner`, unless a rehearsal is what is running. Throws TypeError.
 */
export function validateConstitution(
  state: ReadableMapState,
  engine: Engine,
  text: HostValue,
  runner: Runner | undefined,
): void {
  const proposed = checkConstitution(engine, text);
  const members = activeMembers(state);
  // Before anybody is active there is nobody to lock out, and no proposal can be made either.
  if (runner === undefined || members.length === 0) return;
  const attempts = rehearsals(state, members).map((proposal) =>
    rehearse(runner, { proposed, proposal, members }),
  );
  if (attempts.some((outcome) => outcome === 'Accepted')) return;
  throw new TypeError(
    'Constitution would lock everybody out: with every active member in favour, resolve() answers ' +
      `${[...new Set(attempts)].join(', ')}`,
  );
}

/** Proposals that a consortium must be able to pass some of: change the law, change a member, do nothing. */
function rehearsals(state: ReadableMapState, members: readonly MemberId[]): string[] {
  const name = 'set_member_data';
  return [
    { actions: [{ name: 'set_constitution', args: { constitution: constitution.get(state) ?? '' } }] },
    { actions: [{ name, args: { member_id: members[0], member_data: {} } }] },
    { actions: [] },
  ].map((proposal) => JSON.stringify(proposal));
}

/** What the proposed law answers when everybody is in favour: a state, or the failure in words. */
function rehearse(
  runner: Runner,
  { proposed, proposal, members }: { proposed: string; proposal: string; members: readonly MemberId[] },
): string {
  const votes = members.map((member_id) => ({ member_id, vote: true }));
  const ran = runner({
    phase: 'resolve',
    name: 'proposed constitution',
    module: proposed,
    function: 'resolve',
    args: [proposal, members[0] as string, votes, '0'.repeat(64)],
    rehearsal: true,
  });
  switch (ran.kind) {
    case 'returned':
      return String(ran.value);
    case 'threw':
      return ran.failure.reason;
    case 'missing':
      return ran.message;
  }
}

function activeMembers(state: ReadableMapState): MemberId[] {
  const active: MemberId[] = [];
  for (const [id, info] of memberInfos.entries(state)) if (info.status === 'Active') active.push(id);
  return active;
}
