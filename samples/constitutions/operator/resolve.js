// An operator keeps the machines running without asking, and decides nothing else. An operator is a member
// whose data says `"is_operator": true` and who has no part in recovery (no encryption key), so that it can
// neither read nor govern; the other members decide by majority, and operators do not count among them.

// What an operator may do alone: nodes that already satisfy the join policy come, go and renew certificates.
const OPERATOR_ACTIONS = [
  "transition_node_to_trusted",
  "remove_node",
  "set_node_data",
  "set_node_certificate_validity",
  "set_all_nodes_certificate_validity",
  "trigger_ledger_chunk",
  "trigger_snapshot",
];

export function resolve(proposal, proposerId, votes) {
  const members = activeMembers();
  if (members.get(proposerId)?.isOperator && isOperation(JSON.parse(proposal))) return "Accepted";
  const governing = new Set([...members.keys()].filter((id) => !members.get(id).isOperator));
  const inFavour = votes.filter(({ member_id, vote }) => vote && governing.has(member_id)).length;
  return inFavour > Math.floor(governing.size / 2) ? "Accepted" : "Open";
}

// An operator may also bring in or dismiss another operator: one without an encryption key.
function isOperation({ actions: wanted }) {
  const members = ccf.kv["public:ccf.gov.members.info"];
  return wanted.every(({ name, args }) => {
    if (OPERATOR_ACTIONS.includes(name)) return true;
    if (name === "set_member") {
      // Naming a present member again must not be a way to strip it of its key and its vote.
      const isNew = !members.has(ccf.strToBuf(ccf.pemToId(args.cert)));
      const hasNoKey = args.encryption_pub_key === undefined || args.encryption_pub_key === null;
      return isNew && hasNoKey && args.member_data?.is_operator === true;
    }
    if (name === "remove_member") {
      const info = members.get(ccf.strToBuf(args.member_id));
      return info !== undefined && isOperator(args.member_id, ccf.bufToJsonCompatible(info));
    }
    return false;
  });
}

function isOperator(id, info) {
  const keys = ccf.kv["public:ccf.gov.members.encryption_public_keys"];
  return info.member_data?.is_operator === true && !keys.has(ccf.strToBuf(id));
}

function activeMembers() {
  const active = new Map();
  ccf.kv["public:ccf.gov.members.info"].forEach((bytes, key) => {
    const info = ccf.bufToJsonCompatible(bytes);
    const id = ccf.bufToStr(key);
    if (info.status === "Active") active.set(id, { isOperator: isOperator(id, info) });
  });
  return active;
}
