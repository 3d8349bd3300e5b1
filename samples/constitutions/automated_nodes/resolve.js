// Majority, but each member may run a few nodes without asking. A node that waits to be trusted has already
// proven that it runs code the members endorsed; whose it is, its own configuration says in the node data:
// `"owner": "<member id>"`. Only that member can bring it in this way, so claiming another's name gains nothing.
const NODES_PER_MEMBER = 2;

export function resolve(proposal, proposerId, votes) {
  const members = activeMemberIds();
  if (members.has(proposerId) && concernsOwnNodesOnly(JSON.parse(proposal), proposerId)) return "Accepted";
  const inFavour = votes.filter(({ vote }) => vote).length;
  return inFavour > Math.floor(members.size / 2) ? "Accepted" : "Open";
}

function concernsOwnNodesOnly({ actions: wanted }, owner) {
  const own = nodesOf(owner);
  const added = new Set();
  for (const { name, args } of wanted) {
    const status = own.get(args?.node_id);
    if (name === "transition_node_to_trusted" && status === "Pending") added.add(args.node_id);
    else if (name !== "remove_node" || status === undefined) return false;
  }
  const running = [...own.values()].filter((status) => status === "Trusted").length;
  const withinLimit = added.size === 0 || running + added.size <= NODES_PER_MEMBER;
  return wanted.length > 0 && withinLimit;
}

function nodesOf(owner) {
  const statuses = new Map();
  ccf.kv["public:ccf.gov.nodes.info"].forEach((bytes, id) => {
    const node = ccf.bufToJsonCompatible(bytes);
    if (node.node_data?.owner === owner) statuses.set(ccf.bufToStr(id), node.status);
  });
  return statuses;
}

function activeMemberIds() {
  const active = new Set();
  ccf.kv["public:ccf.gov.members.info"].forEach((info, id) => {
    if (ccf.bufToJsonCompatible(info).status === "Active") active.add(ccf.bufToStr(id));
  });
  return active;
}
