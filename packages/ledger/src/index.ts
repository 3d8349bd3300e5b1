export {
  type AuditLocation,
  type AuditOptions,
  Auditor,
  type AuditProblem,
  type AuditReport,
} from './audit.ts';
export { AuditState } from './audit-state.ts';
export {
  type ChunkCompletion,
  type ChunkEntry,
  ChunkWriter,
  chunkHeaderBytes,
  readChunk,
  type TornWrite,
} from './chunk.ts';
export { type ChunkName, chunkName, parseChunkName } from './chunk-name.ts';
export {
  buildCoseReceipt,
  decodeMerkleProof,
  encodeMerkleProof,
  type MerkleProof,
  type ProvenTransaction,
  type VerifiedCoseReceipt,
  verifyCoseReceipt,
} from './cose-receipt.ts';
export {
  type CoseRootFacts,
  type CoseSubject,
  parseCose,
  signCoseRoot,
  verifyCoseRoot,
} from './cose-signature.ts';
export {
  commitEvidence,
  type DecodedEntry,
  decodeEntry,
  type EntryToSeal,
  encodeEntries,
  encodeEntry,
  entryLength,
  entryTypes,
  hasPrivatePart,
  leafOf,
  noClaims,
  revealCommitEvidence,
  revealPrivatePart,
  type SealedEntry,
} from './entry.ts';
export {
  LedgerError,
  type LedgerErrorCode,
  type LedgerErrorDetails,
  type VerificationStep,
} from './errors.ts';
export { entryFlags } from './frame.ts';
export { History, type ProofStep, rootFromProof } from './history.ts';
export {
  buildReceipt,
  buildSignatureReceipt,
  type LeafComponents,
  type Receipt,
  type VerifiedReceipt,
  type VerifyReceiptOptions,
  verifyReceipt,
} from './receipt.ts';
export {
  decodeSecretLink,
  encodeSecretLink,
  historicalSecretTable,
  openSecret,
  type SecretLink,
  sealSecret,
  type VersionedSecret,
  walkSecretChain,
} from './secret-chain.ts';
export { type LedgerKey, LedgerSecrets } from './secrets.ts';
export {
  buildServiceEndorsement,
  decodeEndorsementRecord,
  type EndorsementRecord,
  encodeEndorsementRecord,
  endorsementTable,
  type ServiceEndorsement,
  type ServiceEpoch,
  serviceKeyAt,
  verifyEndorsementChain,
  verifyServiceEndorsement,
} from './service-endorsement.ts';
export {
  buildSignature,
  isSignature,
  parseCoseSignatureValue,
  parseRootSignature,
  type RootSignature,
  type SignatureRequest,
  verifyRootSignature,
} from './signature.ts';
export { verifySignatureContent, verifySignatureEntry } from './signature-entry.ts';
export {
  buildSnapshot,
  type LoadedSnapshot,
  loadSnapshot,
  readSnapshot,
  type SealedSnapshot,
  type SnapshotContent,
  type SnapshotParts,
  snapshotEvidence,
  snapshotSteps,
  splitSnapshot,
} from './snapshot.ts';
export { parseSnapshotName, type SnapshotName, snapshotName } from './snapshot-name.ts';
export {
  type ProvenRecord,
  type StandingProof,
  type StandingRecord,
  Standings,
  type VerifiedStanding,
  verifyStanding,
} from './standing.ts';
export type { StandingRoot } from './standing-root.ts';
export { singletonKey, tables } from './tables.ts';
export { formatTxId, parseTxId, type TxId } from './tx-id.ts';
export { ViewHistory } from './view-history.ts';
