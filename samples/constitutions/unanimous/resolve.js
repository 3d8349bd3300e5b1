// Every active member must be in favour; one against is enough to reject.
export function resolve(proposal, proposerId, votes) {
  if (votes.some(({ vote }) => !vote)) return "Rejected";
  const members = activeMemberCount();
  return members > 0 && votes.length >= members ? "Accepted" : "Open";
}

function activeMemberCount() {
  let count = 0;
  ccf.kv["public:ccf.gov.members.info"].forEach((info) => {
    if (ccf.bufToJsonCompatible(info).status === "Active") count++;
  });
  return count;
}
