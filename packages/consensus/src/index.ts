export { decodeMessage, encodeMessage } from './codec.ts';
export {
  type Configuration,
  type Entry,
  emptyJoiner,
  FIRST_VIEW,
  genesis,
  type Membership,
  type NodeId,
  type Origin,
  type TxId,
  type ViewStart,
} from './entry.ts';
export { ConsensusError, type ConsensusErrorCode } from './errors.ts';
export type { Event } from './event.ts';
export { defaultLimits, type Limits } from './limits.ts';
export type {
  AcceptedMessage,
  AppendMessage,
  CampaignMessage,
  Message,
  RejectedMessage,
  SnapshotNeededMessage,
  VoteMessage,
  VoteRequestMessage,
} from './message.ts';
export { type Admission, Raft, type RaftOptions } from './raft.ts';
export type { Output } from './ready.ts';
export type { PeerStatus, RetirementPhase, Role, Status } from './status.ts';
export { ViewHistory } from './view-history.ts';
