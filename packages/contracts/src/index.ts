export {
  type AppMetadata,
  assembleBundle,
  type Bundle,
  type CompensationDeclaration,
  checkModules,
  type EndpointDeclaration,
  modulesOf,
  parseBundle,
  parseMetadata,
} from './bundle.ts';
export type {
  AccessRule,
  AppWorld,
  BatchHost,
  Call,
  CallMode,
  CallRequest,
  EvaluationResult,
  EvaluationSource,
  EvaluationWorld,
  ExecutionContext,
  Failure,
  HistoricalState,
  HostFunction,
  HostFunctions,
  HostValue,
  IndexView,
  LogLine,
  Modules,
  Outcome,
  PendingCall,
  Response,
  TableAccess,
} from './call.ts';
export type { App, Engine } from './engine.ts';
export { ContractError, type ContractErrorCode } from './errors.ts';
export { type Change, type ContractIndex, HistoryIndex, RowIndex } from './indexing/contract-index.ts';
export type { IndexDeclaration, IndexProgress } from './indexing/declaration.ts';
export { type Derive, derivingBy } from './indexing/derive.ts';
export { createEngine, type EngineOptions, requiredV8Flags } from './javascript/engine.ts';
export type { Origin, Place, ReadSourceMap } from './javascript/trace.ts';
export {
  defaultLimits,
  governanceLimits,
  type Limits,
  limits,
  limitsOf,
  type RuntimeOptions,
} from './limits.ts';
export { moduleKey, resolveSpecifier } from './modules/resolve.ts';
