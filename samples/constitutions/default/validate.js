// Is this text a proposal at all? Says everything that is wrong with it, not only the first thing.
export function validate(input) {
  const proposal = JSON.parse(input);
  if (!Array.isArray(proposal?.actions)) throw new TypeError("A proposal must have an array of actions");
  const problems = proposal.actions.map(problemWith).filter((problem) => problem !== undefined);
  return { valid: problems.length === 0, description: problems.join(", ") };
}

function problemWith(action, position) {
  const known = actions.get(action?.name);
  if (known === undefined) return `${action?.name}: no such action`;
  try {
    known.validate(action.args);
    return undefined;
  } catch (error) {
    return `${action.name} at position ${position} failed validation: ${error}`;
  }
}
