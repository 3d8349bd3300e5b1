// More than half of the active members must be in favour. Nobody can reject a proposal: it stays open until
// enough agree, its proposer withdraws it, or another one changes what it meant.
export function resolve(proposal, proposerId, votes) {
  const inFavour = votes.filter(({ vote }) => vote).length;
  return inFavour > Math.floor(activeMembers().size / 2) ? "Accepted" : "Open";
}

function activeMembers() {
  const active = new Set();
  ccf.kv["public:ccf.gov.members.info"].forEach((info, id) => {
    if (ccf.bufToJsonCompatible(info).status === "Active") active.add(ccf.bufToStr(id));
  });
  return active;
}
