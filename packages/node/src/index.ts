export type { QuoteInfo } from '@coco/governance';
export type { Attested, EvidenceSource, NodeEvidence, TpmActivation } from './attester.ts';
export type {
  Address,
  Bytes,
  EndorsementAuthority,
  InitialMember,
  JoinCommand,
  Milliseconds,
  NodeConfig,
  NodeFiles,
  RecoverCommand,
  Redirection,
  RpcInterface,
  StartCommand,
} from './config.ts';
export type {
  Effect,
  FetchRequest,
  HttpResponse,
  LogLevel,
  ParcelFile,
  Peer,
  SnapshotChoice,
} from './effect.ts';
export type { Event, FetchResult, HostFacts, HttpRequest, Session } from './event.ts';
export { Node, type NodeOptions } from './node.ts';
