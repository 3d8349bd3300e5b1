// A fixed number of members decides, however many there are. When there are fewer than that, all must agree:
// otherwise removing members could make the service ungovernable.
const REQUIRED = 2;

export function resolve(proposal, proposerId, votes) {
  const members = activeMemberCount();
  const required = Math.min(REQUIRED, members);
  const inFavour = votes.filter(({ vote }) => vote).length;
  const against = votes.length - inFavour;
  if (required > 0 && inFavour >= required) return "Accepted";
  return members - against < required ? "Rejected" : "Open";
}

function activeMemberCount() {
  let count = 0;
  ccf.kv["public:ccf.gov.members.info"].forEach((info) => {
    if (ccf.bufToJsonCompatible(info).status === "Active") count++;
  });
  return count;
}
