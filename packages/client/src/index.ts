export type { TxId } from '@coco/ledger';
export type { Answer } from './answer.ts';
export { accepted, isOk, jsonOf, refusalOf, textOf, transactionIdOf, transactionNameOf } from './answer.ts';
export type { AttestedNode, NodeExpectation } from './attestation.ts';
export { attestNode } from './attestation.ts';
export type { ClientErrorCode, Refusal } from './errors.ts';
export { ClientError } from './errors.ts';
export type { GovRequest } from './governance.ts';
export {
  ack,
  ballotOf,
  constitution,
  decryptShare,
  encryptedShare,
  govRequest,
  members,
  plainBallot,
  preview,
  proposal,
  proposalActions,
  proposals,
  propose,
  sendEnvelope,
  sendSigned,
  serviceInfo,
  submitShare,
  users,
  versioned,
  vote,
  waitingFor,
  withdraw,
} from './governance.ts';
export { historical, untilAvailable } from './historical.ts';
export { checkIdentity, connect, discover, get, network, nodeState, nodes } from './identity.ts';
export { list } from './lists.ts';
export type { MemoryStore, Remembered } from './memory.ts';
export { Memory } from './memory.ts';
export type { TransactionName } from './names.ts';
export { formatName, parseName } from './names.ts';
export type { Disclosure, TransactionEvent, TransactionFilter, VerifiedDisclosure } from './private.ts';
export {
  discloseTransaction,
  looks,
  privateTransactions,
  receiptOfReference,
  transactionEvents,
  verifyDisclosure,
} from './private.ts';
export type { CheckedReceipt, ReceiptExpectation } from './receipts.ts';
export { checkReceipt, fetchReceipt, receiptFromHeader } from './receipts.ts';
export type { Credentials, Request, SessionOptions } from './session.ts';
export { Session } from './session.ts';
export type { GovMessage, Signer } from './signing.ts';
export { draftMessage, idOf, keySigner, signedRequest, signMessage } from './signing.ts';
export type { NamedTransaction, SubmitOptions, Submitted } from './transactions.ts';
export { awaitCommit, checkMemory, lastCommitted, submit, transactionStatus } from './transactions.ts';
export type { FetchLike, Transport, WireRequest, World } from './transport.ts';
export { fetchTransport } from './transport.ts';
export type { ParameterValue, TypedCall, WriteOptions, Written } from './typed.ts';
export { requestOf, typedRead, typedWrite } from './typed.ts';
export type { CheckedStanding } from './undo.ts';
export { checkPreview, checkStanding, fetchStanding, previewUndo, undoProposal } from './undo.ts';
