export {
  type App,
  type AppOptions,
  type DeclaredEndpoint,
  defineApp,
  type Method,
  type ParameterOf,
  type Route,
} from './app.ts';
export {
  type AccessOptions,
  type AudienceMap,
  audienceMap,
  type KnownCaller,
  type Reader,
  tx,
} from './audience.ts';
export type { CallerOf, Callers, Policy, PolicyName } from './caller.ts';
export { claim } from './claim.ts';
export { bytes, type Codec, checked, json, type KeyCodec, text, tuple, uint } from './codec.ts';
export { type Compensation, makeUp, type UndoneTransaction, type UndoneWrite } from './compensation.ts';
export {
  type BodyForm,
  type Call,
  type Endpoint,
  type EndpointOptions,
  endpoint,
  type Mode,
} from './endpoint.ts';
export { type Detail, Refusal, SdkError, type SdkErrorCode } from './errors.ts';
export { limits } from './limits.ts';
export {
  type Page,
  privateMap,
  publicMap,
  type Range,
  type ReadableMap,
  type Row,
  type TypedMap,
} from './map.ts';
export { type HistoryPage, type HistoryRange, type MapHistory, mapHistory } from './map-history.ts';
export {
  type DeclaredIndex,
  type IndexPage,
  type IndexRow,
  type MapIndex,
  mapIndex,
} from './map-index.ts';
export {
  type AppMetadata,
  derivingFunction,
  type EndpointMetadata,
  type IndexMetadata,
  metadataOf,
} from './metadata.ts';
export { openApiOf } from './openapi.ts';
export { historyOf, type PastValue, pastStates, type Span, timeOf } from './past.ts';
export { Reply, reply } from './reply.ts';
export type { PastState } from './sandbox.ts';
export type { InputOf, OutputOf, Schema } from './schema.ts';
export { derive, type Request, type Response, serve } from './serve.ts';
