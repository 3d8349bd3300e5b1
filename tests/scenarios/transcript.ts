import type { Entry, Message, Output, Raft, TxId } from '@coco/consensus';

/** One line for what a node asked for, as transcripts show it. */
export function describeOutput(id: string, output: Output): string {
  switch (output.kind) {
    case 'append':
      return `${id} appends ${entries(output.entries)}`;
    case 'truncate':
      return `${id} truncates to ${output.seqno}`;
    case 'commit':
      return `${id} commits ${output.seqno}`;
    case 'send':
      return `${id} > ${output.to} ${describeMessage(output.message)}`;
    case 'role':
      return `${id} is ${output.role} in view ${output.view}, leader ${output.leader ?? 'unknown'}`;
    case 'sign':
      return `${id} wants a signature in view ${output.view}`;
    case 'membership':
      return `${id} retirement ${output.phase ?? 'taken back'}`;
    case 'retire':
      return `${id} may record the retirement of ${output.nodes.join(' ')}`;
    case 'caught-up':
      return `${id} sees learner ${output.node} caught up`;
    case 'read':
      return `${id} reads ${output.from} to ${output.to}`;
    case 'fetch-snapshot':
      return `${id} wants a snapshot from ${output.from} beyond ${output.after}`;
    case 'transfer-failed':
      return `${id} gives up the hand-over to ${output.to ?? 'anyone'}`;
    case 'confirmed':
      return `${id} confirms read ${output.context} at ${output.seqno}`;
    case 'unconfirmed':
      return `${id} cannot confirm read ${output.context}, leader ${output.leader ?? 'unknown'}`;
  }
}

/** One line for a message. A star marks a committable entry. */
export function describeMessage(message: Message): string {
  const view = `v${message.view}`;
  switch (message.kind) {
    case 'append': {
      const what = message.entries.length === 0 ? 'nothing' : entries(message.entries);
      const round = message.round === 0 ? '' : ` round ${message.round}`;
      return `append ${view} after ${place(message.previous)}: ${what}, commit ${message.commit}${round}`;
    }
    case 'accepted':
      return `accepted ${view} ${message.seqno}${message.round === 0 ? '' : ` round ${message.round}`}`;
    case 'rejected':
      return `rejected ${view} after ${message.previous}, perhaps ${place(message.estimate)}`;
    case 'vote-request':
      return `${message.pre ? 'pre-vote' : 'vote'} wanted ${view} last ${place(message.last)}`;
    case 'vote':
      return `${message.pre ? 'pre-vote' : 'vote'} ${message.granted ? 'granted' : 'refused'} ${view}`;
    case 'campaign':
      return `campaign ${view}`;
    case 'snapshot-needed':
      return `snapshot needed ${view} beyond ${message.after}`;
  }
}

/** One line for where a node stands. */
export function describeState(raft: Raft): string {
  const { id, role, view, last, commit } = raft;
  const members = raft.configurations.map(({ seqno, voters, learners }) => {
    const learning = learners.length === 0 ? '' : ` learners ${learners.join(' ')}`;
    return `${seqno}[${voters.join(' ')}${learning}]`;
  });
  const retirement = raft.retirementPhase === null ? '' : `, ${raft.retirementPhase}`;
  const configured = members.length === 0 ? '' : `, members ${members.join(' ')}`;
  const lastPlace = place({ view: raft.viewAt(last), seqno: last });
  return `${id}: ${role} in view ${view}, last ${lastPlace}, commit ${commit}${configured}${retirement}`;
}

function place({ view, seqno }: TxId): string {
  return `${view}.${seqno}`;
}

function entries(list: readonly Entry[]): string {
  return list
    .map((entry) => {
      const { configuration, retired } = entry;
      const star = entry.committable ? '*' : '';
      const members =
        configuration === undefined
          ? ''
          : `(${[...configuration.voters, ...configuration.learners].join(' ')})`;
      const gone = retired === undefined ? '' : `(retired ${retired.join(' ')})`;
      return `${place(entry)}${star}${members}${gone}`;
    })
    .join(' ');
}
