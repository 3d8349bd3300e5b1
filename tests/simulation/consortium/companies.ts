import type { ProposalIn } from '@coco/api';
import type { Machine } from './machine.ts';
import type { Person } from './people.ts';

type Actions = ProposalIn['actions'];

/** Whose machines are whose, in turn. The first two deal; what they deal is on no machine of the third. */
const companies = ['north', 'south', 'east'] as const;
export const dealing: readonly string[] = companies.slice(0, 2);

/** The company that has a machine. */
export function companyOf({ name }: Machine): string {
  return companies[Number(name.slice(1)) % companies.length]!;
}

/** What members decide of companies before the service opens. */
export function introduce(users: readonly Person[], firstNode: string, machine: Machine): Actions {
  return [
    ...companies.map((party) => ({ name: 'set_party', args: { party } })),
    ...users.map(({ id }, i) => ({ name: 'set_access_user', args: { user_id: id, party: companies[i]! } })),
    assign(firstNode, machine),
  ];
}

/** Says of which company a node is. */
export function assign(node: string, machine: Machine): Actions[number] {
  return { name: 'set_node_party', args: { node_id: node, party: companyOf(machine) } };
}
