export { nodesOfParties, partyOfNode, partyOfReader, ruleOf, viewerOfCaller } from './access.ts';
export {
  type Admission,
  type AdmissionOptions,
  type AdmissionRefusal,
  admitNode,
  type Candidate,
} from './attestation/admit.ts';
export {
  dueChallenge,
  type Renewal,
  renewChallenge,
  renewLease,
  type Suspensions,
  settleSuspensions,
} from './attestation/lease.ts';
export {
  type LeaseRule,
  type NodePolicy,
  type NodeRole,
  nodePolicy,
  type PlatformRule,
} from './attestation/node-policy.ts';
export {
  endOfStanding,
  type NodeReview,
  nodeCounts,
  recordReview,
  reviewNodes,
  roleNow,
  type StandingChange,
  standingOf,
} from './attestation/review.ts';
export { goWithoutSecrets, mayHoldSecrets } from './attestation/secret-holders.ts';
export { type AuditedEntry, GovernanceAuditor, type GovernanceFinding } from './audit/auditor.ts';
export {
  type Authentication,
  authenticate,
  type MemberCosePolicy,
  type Policy,
} from './authenticate/authenticate.ts';
export type {
  AllOfCaller,
  Caller,
  CertificateCaller,
  ClientCertificate,
  Credentials,
  JwtCaller,
  MemberCoseIdentity,
  UserCoseCaller,
  Verdict,
} from './authenticate/caller.ts';
export { memberCose as authenticateMemberCose } from './authenticate/cose.ts';
export { tableAccess } from './constitution/table-access.ts';
export { checkConstitution } from './constitution/validate-constitution.ts';
export { govEndpoints } from './endpoints/table.ts';
export { GovernanceError, type GovernanceErrorCode } from './errors.ts';
export { beginRecovery, type FirstNode, type Genesis, type GenesisMember, genesis } from './genesis.ts';
export type { GovResponse } from './http.ts';
export {
  checkJoinPolicy,
  type JoinRefusal,
  type JoinVerdict,
  type PlatformClaims,
  platformClaims,
  type UvmEndorsement,
} from './join.ts';
export { type IssuerKey, removeJwtSigningKeys, setJwtSigningKeys } from './jwt-keys.ts';
export { governanceLimits } from './limits.ts';
export { activeRecoveryMembers, isRecoveryMember, recoveryRoleOf } from './membership.ts';
export {
  concernsMembership,
  endLearning,
  membershipOf,
  recordRetirements,
  retirementsRecorded,
  type ServiceMembership,
  settleMembership,
} from './node-life.ts';
export { type Change, type Preview, preview } from './preview.ts';
export { openProposals, type Resolution, reconsider } from './proposals.ts';
export {
  decryptForNode,
  encryptToTrustedNodes,
  finishRecovery,
  givesNextSecret,
  rekeyLedger,
} from './recovery/ledger-secrets.ts';
export {
  clearSubmittedShares,
  combineSubmittedShares,
  encryptedShareOf,
  refreshShares,
  submitShare,
} from './recovery/shares.ts';
export { type Opening, openService } from './service-life.ts';
export * from './tables/access.ts';
export * from './tables/application.ts';
export { type Codec, EIGHT_ZERO_BYTES } from './tables/codec.ts';
export * from './tables/internal.ts';
export * from './tables/jwt.ts';
export * from './tables/members.ts';
export * from './tables/nodes.ts';
export * from './tables/proposals.ts';
export * from './tables/secrets.ts';
export * from './tables/service.ts';
export type { ServiceMap, ServiceSet, ServiceValue } from './tables/table.ts';
export { serviceMap, serviceSet, serviceValue } from './tables/table.ts';
export * from './tables/tls.ts';
export * from './tables/undo.ts';
export * from './tables/users.ts';
export { type PastUndo, pastUndos, struckBy } from './undo/struck.ts';
export { readsOf, recordReads, traceOf } from './undo/trace.ts';
export {
  type Compensation,
  type CompensationCall,
  type Obstacle,
  obstacleText,
  type UndoPlanning,
  type UndoWorld,
} from './undo/world.ts';
export { type Validity, validityPeriod } from './validity.ts';
export type {
  GovContext,
  GovEndpoint,
  GovernanceWorld,
  GovRequest,
  NodeActions,
  TxStatus,
} from './world.ts';
