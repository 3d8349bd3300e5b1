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
export type { Effect, HttpResponse, LogLevel } from './effect.ts';
export type { Event, HostFacts, HttpRequest, Session } from './event.ts';
export { Node, type NodeOptions } from './node.ts';
