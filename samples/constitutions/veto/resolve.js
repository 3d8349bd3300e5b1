// Majority, with a veto. Members whose data says `"veto": true` hold it; where nobody's does, everybody holds
// it. The veto is as good as the vote it is cast with: it cannot undo what is already accepted.
export function resolve(proposal, proposerId, votes) {
  const members = activeMembers();
  const holders = [...members.values()].filter(holdsVeto);
  const mayVeto = (id) => holders.length === 0 || holdsVeto(members.get(id));
  if (votes.some(({ member_id, vote }) => !vote && mayVeto(member_id))) return "Rejected";
  const inFavour = votes.filter(({ vote }) => vote).length;
  return inFavour > Math.floor(members.size / 2) ? "Accepted" : "Open";
}

function holdsVeto(info) {
  return info?.member_data?.veto === true;
}

function activeMembers() {
  const active = new Map();
  ccf.kv["public:ccf.gov.members.info"].forEach((bytes, id) => {
    const info = ccf.bufToJsonCompatible(bytes);
    if (info.status === "Active") active.set(ccf.bufToStr(id), info);
  });
  return active;
}
