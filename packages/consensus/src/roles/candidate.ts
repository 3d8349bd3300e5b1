import type { Core } from '../core.ts';
import type { NodeId } from '../entry.ts';
import type { VoteMessage, VoteRequestMessage } from '../message.ts';
import { everyQuorum } from '../quorum.ts';
import { becomeLeader } from './leader.ts';

/** Time passes on a node that does not lead. */
export function tick(core: Core, ticks: number): void {
  core.leaderSilentTicks += ticks;
  core.electionElapsed += ticks;
  if (core.electionElapsed >= core.patienceTicks) {
    if (core.options.preVote) campaignBefore(core);
    else campaign(core);
  } else if (core.role === 'PreVoteCandidate' && core.options.stickyLeader) {
    askAgain(core, ticks);
  }
}

/** Asks for pre-votes: could an election be won? Nothing changes for those asked. */
function campaignBefore(core: Core): void {
  stand(core, 'PreVoteCandidate');
}

/** Asks for votes in the next view. */
function campaign(core: Core): void {
  core.enterView(core.view + 1, core.id);
  stand(core, 'Candidate');
}

/** The leader hands over. Nobody else may call an election. */
export function onCampaign(core: Core, from: NodeId): void {
  const isAsked = core.leader === from || core.leader === null;
  if (isAsked && core.patienceTicks < Number.POSITIVE_INFINITY) campaign(core);
}

function stand(core: Core, role: 'PreVoteCandidate' | 'Candidate'): void {
  core.role = role;
  core.leader = null;
  core.granted = new Set([core.id]);
  core.askElapsed = 0;
  core.restartElectionTimer();
  core.announceRole();
  if (!countVotes(core)) ask(core);
}

/** A voter, whatever it thinks of its own membership: it may not know yet that it has been made one. */
export function onVoteRequest(core: Core, from: NodeId, request: VoteRequestMessage): void {
  const granted = request.view === core.view && isUpToDate(core, request) && isFree(core, from, request);
  if (granted && !request.pre) {
    core.votedFor = from;
    core.restartElectionTimer();
  }
  core.send(from, { kind: 'vote', view: core.view, pre: request.pre, granted });
}

export function onVote(core: Core, from: NodeId, vote: VoteMessage): void {
  const asked = vote.pre ? 'PreVoteCandidate' : 'Candidate';
  if (core.role !== asked || vote.view !== core.view || !vote.granted) return;
  core.granted.add(from);
  countVotes(core);
}

/** Votes are counted in each active configuration by itself, and only its own members'. */
function countVotes(core: Core): boolean {
  if (!everyQuorum(core.members.active, (node) => core.granted.has(node))) return false;
  if (core.role === 'PreVoteCandidate') campaign(core);
  else becomeLeader(core);
  return true;
}

function ask(core: Core): void {
  const { lastCommittable } = core.log;
  for (const to of core.members.voters()) {
    if (core.granted.has(to)) continue;
    core.send(to, {
      kind: 'vote-request',
      view: core.view,
      pre: core.role === 'PreVoteCandidate',
      last: core.log.txIdAt(lastCommittable),
    });
  }
}

/** A sticky voter refuses until its leader has been silent for a while, so it is worth asking again. */
function askAgain(core: Core, ticks: number): void {
  core.askElapsed += ticks;
  if (core.askElapsed < core.options.heartbeatTicks) return;
  core.askElapsed = 0;
  ask(core);
}

/** Whether the candidate's log, up to its last committable entry, goes as far as this node's. */
function isUpToDate({ log }: Core, { last }: VoteRequestMessage): boolean {
  const own = log.txIdAt(log.lastCommittable);
  return last.view > own.view || (last.view === own.view && last.seqno >= own.seqno);
}

function isFree(core: Core, from: NodeId, { pre }: VoteRequestMessage): boolean {
  if (pre) return !core.options.stickyLeader || !hasLeader(core);
  return core.leader === null && (core.votedFor === null || core.votedFor === from);
}

/** A leader was heard within the shortest election timeout. */
function hasLeader(core: Core): boolean {
  return core.role === 'Leader' || core.leaderSilentTicks < core.options.electionTicks / 2;
}
