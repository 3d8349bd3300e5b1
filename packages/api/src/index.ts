export type {
  Answer,
  AuthPolicy,
  Endpoint,
  EndpointRow,
  Forwarding,
  Frontend,
  GovMessageType,
  Method,
  Parameter,
  Redirection,
  RequestBody,
} from './endpoint.ts';
export { frontendOf, operationIdOf, pathParameters } from './endpoint.ts';
export type { ClaimsOut, ListedOut, LookOut } from './endpoints/access.ts';
export { accessEndpoints } from './endpoints/access.ts';
export type { LoggedCallOut } from './endpoints/contract.ts';
export type {
  AttestationOut,
  ChangeOut,
  EncryptedShareOut,
  JoinPolicyOut,
  MemberOut,
  PreviewIn,
  PreviewOut,
  ProposalIn,
  ProposalOut,
  RecoveryOut,
  ServiceInfoOut,
  StateDigestOut,
  UserOut,
} from './endpoints/governance.ts';
export { apiVersion, apiVersions, governanceEndpoints } from './endpoints/governance.ts';
export type {
  ConsensusOut,
  NetworkOut,
  NodeOut,
  NodeState,
  NodesOut,
  QuoteOut,
  ServiceStatus,
  StateOut,
} from './endpoints/node.ts';
export { nodeEndpoints } from './endpoints/node.ts';
export { endpoints, endpointsOf } from './endpoints/table.ts';
export type { CommitOut, TransactionOut, TransactionStatus } from './endpoints/transactions.ts';
export {
  commitOut,
  commonEndpoints,
  errorOut,
  receiptOut,
  transactionOut,
  transactionStatus,
} from './endpoints/transactions.ts';
export type {
  ShownBytes,
  UndoChangeOut,
  UndoDependencyOut,
  UndoPreviewIn,
  UndoPreviewOut,
} from './endpoints/undo.ts';
export type { AuthDetail, ErrorBody, ErrorCode, ErrorDetail, ExceptionDetail } from './errors.ts';
export { errorBody, errorCatalogue, parseErrorBody, statusOf } from './errors.ts';
export type { WaitOutcome } from './headers.ts';
export { challenge, contentType, header } from './headers.ts';
export { preferLengthMax, waitSecondsMax } from './limits.ts';
export type { AppEndpoint, DocumentInfo, OpenApiDocument } from './openapi.ts';
export { openApi } from './openapi.ts';
export type { CommitPreference } from './prefer.ts';
export { formatPrefer, parsePrefer } from './prefer.ts';
export type { Infer, Schema } from './schema.ts';
export { type ChangeContent, changeDigest, type PlanContent, planDigest } from './undo.ts';
