// Carries out an accepted proposal: all of its actions, in their order, or none.
export function apply(proposal, proposalId) {
  for (const { name, args } of JSON.parse(proposal).actions) {
    const known = actions.get(name);
    if (known === undefined) throw new Error(`Unknown action ${name}`);
    known.apply(args, proposalId);
  }
}
