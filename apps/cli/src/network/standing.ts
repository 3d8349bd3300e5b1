import type { CommitOut, ConsensusOut, NetworkOut, NodeOut, StateOut } from '@coco/api';
import { ClientError, jsonOf, refusalOf } from '@coco/client';
import { type HttpsTransport, httpsTransport } from '@coco/client/node';

/** A node that does not answer for so long counts as unreachable, in milliseconds. */
const patienceMs = 3_000;

/** What a node that answers says of itself. */
export interface NodeAnswers {
  readonly state: StateOut['state'];
  /** What it takes itself for: `Leader`, `Follower`, `Candidate`, ... */
  readonly role: string;
  readonly view: number;
  readonly lastSigned: number;
  /** Seqno of the last transaction it knows to be committed. */
  readonly committed: number;
  /** It was asked to stop and waits to be retired. */
  readonly stopNotice: boolean;
}

/** A node of the service: what the service says of it, and what it says of itself. */
export interface NodeStanding {
  readonly id: string;
  readonly status: NodeOut['status'];
  readonly address: string;
  /** Whether it counts in consensus; a node may be trusted with less. */
  readonly votes: boolean;
  /** Null when it does not answer. */
  readonly answers: NodeAnswers | null;
  /** Why it does not answer. */
  readonly problem: string | null;
  /** Committed transactions that it lacks; null when that is not known. */
  readonly lag: number | null;
}

/** All nodes at one time. */
export interface NetworkStanding {
  readonly service: Pick<NetworkOut, 'service_status' | 'recovery_count'>;
  /** The node that leads: it says so itself. Null when none does. */
  readonly primary: string | null;
  readonly nodes: readonly NodeStanding[];
  /** Voting nodes that may be lost before nothing can be committed; negative: nothing can be. */
  readonly spare: number;
}

/** Asks every node of the service how it stands. */
export async function standingOf(
  service: NetworkOut,
  nodes: readonly NodeOut[],
  serviceCertificate: string,
): Promise<NetworkStanding> {
  using transport = httpsTransport({ serviceCertificate, timeoutMs: patienceMs });
  const asked = await Promise.all(nodes.map((node) => ask(transport, node)));
  const committed = Math.max(0, ...asked.map(({ answers }) => answers?.committed ?? 0));
  const withLag = asked.map((node) => ({
    ...node,
    lag: node.answers === null ? null : committed - node.answers.committed,
  }));
  const leaders = asked.filter(({ answers }) => answers?.role === 'Leader');
  // A leader that was cut off takes itself for one until it notices; the one of the later view is.
  const [primary] = leaders.toSorted((a, b) => (b.answers?.view ?? 0) - (a.answers?.view ?? 0));
  const voters = asked.filter(({ votes }) => votes);
  const present = voters.filter(({ answers }) => answers !== null).length;
  return {
    service: { service_status: service.service_status, recovery_count: service.recovery_count },
    primary: primary?.id ?? null,
    nodes: withLag,
    spare: present - (Math.floor(voters.length / 2) + 1),
  };
}

async function ask(transport: HttpsTransport, node: NodeOut): Promise<Omit<NodeStanding, 'lag'>> {
  const address = Object.values(node.rpc_interfaces)[0]?.published_address ?? '';
  const votes = node.votes ?? node.status === 'Trusted';
  const known = { id: node.node_id, status: node.status, address, votes };
  try {
    return { ...known, answers: await answersOf(transport, node.node_id, address), problem: null };
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    return { ...known, answers: null, problem: error.message };
  }
}

async function answersOf(transport: HttpsTransport, id: string, address: string): Promise<NodeAnswers> {
  const get = async <T>(path: string): Promise<T> => {
    const answer = await transport.send({ method: 'GET', url: `https://${address}${path}`, headers: {} });
    if (answer.status === 200) return jsonOf<T>(answer);
    throw new ClientError('Refused', `${address}${path}: ${refusalOf(answer).message}`);
  };
  const [state, { details }, { transaction_id }] = await Promise.all([
    get<StateOut>('/node/state'),
    get<ConsensusOut>('/node/consensus'),
    get<CommitOut>('/node/commit'),
  ]);
  // The address of a node that is gone may be another's by now, as after a recovery.
  if (state.node_id !== id) throw new ClientError('UnexpectedAnswer', 'another node answers there');
  return {
    state: state.state,
    role: details.leadership_state ?? 'None',
    view: details.current_view,
    lastSigned: state.last_signed_seqno,
    committed: Number(transaction_id.split('.')[1]),
    stopNotice: state.stop_notice ?? false,
  };
}
