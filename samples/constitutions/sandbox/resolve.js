// For development only: whatever anybody proposes is law.
export function resolve(proposal, proposerId, votes) {
  return "Accepted";
}
