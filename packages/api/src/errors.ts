/**
 * Every error code a service may answer with: the status that usually goes with it and what it means.
 * Codes with more than one status list the usual one first. `null`: only ever inside `details`.
 */
export const errorCatalogue = [
  ['AuthorizationFailed', [403], 'The caller is known but may not do this.'],
  ['InternalError', [500, 503, 403], 'The request could not be completed; the node log says why.'],
  ['NotImplemented', [501], 'The request is valid, but this node does not offer it.'],
  [
    'InvalidAuthenticationInfo',
    [401, 400],
    'None of the authentication policies of the endpoint was satisfied.',
  ],
  ['InvalidHeaderValue', [400], 'A header is malformed.'],
  ['InvalidInput', [400], 'The body is malformed.'],
  ['InvalidQueryParameterValue', [400, 404], 'A query parameter is missing or malformed.'],
  ['InvalidResourceName', [400], 'An id in the path is malformed, or does not match the signed request.'],
  ['MissingRequiredHeader', [400], 'A header that the endpoint needs is absent.'],
  ['ResourceNotFound', [404], 'Nothing is known under this path or id.'],
  ['UnsupportedHttpVerb', [405], 'The path exists, with other methods; `allow` lists them.'],
  [
    'UnsupportedContentType',
    [415, 406],
    'The body has, or `accept` asks for, a type the endpoint does not speak.',
  ],
  ['RequestBodyTooLarge', [413], 'The body is larger than the interface accepts.'],
  ['RequestHeaderTooLarge', [431], 'The headers are larger or more than the interface accepts.'],
  ['PreconditionFailed', [412], 'An If-Match or If-None-Match condition does not hold.'],
  ['SessionCapExhausted', [503], 'The interface has too many open sessions.'],
  ['FrontendNotOpen', [404, 503], 'The service is not open yet: this part of it cannot take requests.'],
  ['KeyNotFound', [404], 'The map has no such key.'],
  ['NodeAlreadyRecovering', [403], 'Enough recovery shares have been submitted already.'],
  ['ProposalNotOpen', [400], 'The proposal is closed.'],
  ['ProposalNotFound', [404], 'There is no such proposal.'],
  ['ProposalFailedToValidate', [400], 'The constitution refused the proposal; the message says why.'],
  ['ProposalReplay', [400], 'This signed proposal was submitted before.'],
  [
    'ProposalCreatedTooLongAgo',
    [400],
    'The proposal was signed earlier than the recent ones: sign it again.',
  ],
  ['InvalidCreatedAt', [400], 'The time of signing is malformed, or too far from now for a signed read.'],
  ['EndpointPaused', [503], 'Members have voted that the endpoint takes no writes for now; reads go on.'],
  [
    'PartiesAway',
    [503],
    'Only nodes of the parties keep what is touched, and none could be reached: try again.',
  ],
  [
    'PrimaryNotOfParties',
    [503],
    'What is touched is lent to nobody, and the primary is no node of its parties: ask again when one of them leads.',
  ],
  ['UndoRefused', [409], 'The undo cannot be done, or not as it was previewed: preview it again.'],
  ['UndoNotReady', [503], 'What an undo rests on has yet to be read from the ledger: try again.'],
  ['ServiceNotWaitingForRecoveryShares', [403], 'The service is not being recovered.'],
  ['StateDigestMismatch', [400], 'The acknowledged digest is not the one the service asked to acknowledge.'],
  ['TransactionNotFound', [404], 'There is no such transaction.'],
  ['TransactionCommitAttemptsExceedLimit', [503], 'Too many conflicts with other transactions: try again.'],
  ['TransactionReplicationFailed', [503], 'The node is no longer primary: the transaction was not kept.'],
  [
    'TransactionPendingOrUnknown',
    [404, 500],
    'The transaction is not committed yet, or unknown to this node.',
  ],
  ['TransactionInvalid', [404], 'The transaction can never commit, or its id was not given.'],
  ['TooManyPendingTransactions', [503], 'Too many transactions wait for their commit: try again.'],
  ['VoteNotFound', [404], 'The member has not voted on this proposal.'],
  ['VoteAlreadyExists', [400], 'The member has submitted a different ballot before.'],
  ['NodeCannotHandleRequest', [308, 400], 'Another node can; `location` names it.'],
  [
    'NodeHoldsNoSecrets',
    [503],
    'The node may only verify: it runs no contract and shows nothing that is private; ask another one.',
  ],
  ['NodeRetired', [503], 'The node was retired and takes no part any more: ask another one.'],
  ['PrimaryNotFound', [503], 'The primary is not known at the moment.'],
  ['BackupNotFound', [503], 'No backup is known at the moment.'],
  ['RequestAlreadyForwarded', [503], 'A forwarded request cannot be forwarded again.'],
  ['NodeNotRetiredCommitted', [400], 'The retirement of the node is not committed yet.'],
  ['SessionConsistencyLost', [500], 'A new view began during this session: open a new one.'],
  ['MissingApiVersionParameter', [400], 'Governance requests need the query parameter api-version.'],
  ['UnsupportedApiVersionValue', [400], 'This api-version is not known.'],
  ['ConsensusTypeMismatch', [400], 'The joiner speaks another consensus.'],
  ['InvalidQuote', [401], 'The attestation of the joiner was refused.'],
  ['InvalidNodeState', [400], 'The joiner is known in a state that cannot join.'],
  ['NodeAlreadyExists', [400], 'A node with this address is part of the service.'],
  ['StartupSeqnoIsOld', [400], 'The joiner starts from an older snapshot than this node did.'],
  ['CSRPublicKeyInvalid', [400], 'The signing request is not for the key of the connection.'],
  ['RequestNotSigned', [401], 'Kept for old clients; no longer answered.'],
  ['UnknownCertificate', [401], 'Kept for old clients; no longer answered.'],
  ['ExecutorDispatchFailed', [500], 'Kept for old clients; no longer answered.'],
  ['JSException', [], 'What a contract or a constitution threw; only inside `details`.'],
] as const satisfies readonly (readonly [string, readonly number[], string])[];

/** A code of the catalogue. Contracts may answer with codes of their own beside these. */
export type ErrorCode = (typeof errorCatalogue)[number][0];

/** Why one authentication policy refused the caller. */
export interface AuthDetail {
  readonly auth_policy: string;
  readonly code: 'InvalidAuthenticationInfo';
  readonly message: string;
}

/** What a contract or a constitution threw; present only when the service is told to reveal it. */
export interface ExceptionDetail {
  readonly code: 'JSException';
  readonly message: string;
  readonly trace?: string;
}

/** One entry of `details`. */
export type ErrorDetail = AuthDetail | ExceptionDetail;

/** The JSON body of every refusal of a service. */
export interface ErrorBody {
  readonly error: {
    readonly code: string;
    readonly message?: string;
    readonly details?: readonly ErrorDetail[];
  };
}

const statuses: ReadonlyMap<string, number> = new Map(
  errorCatalogue.map(([code, [status]]) => [code, status ?? 500]),
);

/** The HTTP status that usually goes with a code. */
export function statusOf(code: ErrorCode): number {
  return statuses.get(code) ?? 500;
}

/** Builds the body of a refusal. */
export function errorBody(code: ErrorCode, message: string, details?: readonly ErrorDetail[]): ErrorBody {
  return { error: { code, message, ...(details === undefined ? {} : { details }) } };
}

/** Reads the body of a refusal; undefined when it has another shape (a contract's own error). */
export function parseErrorBody(json: unknown): ErrorBody | undefined {
  if (typeof json !== 'object' || json === null || !('error' in json)) return undefined;
  const { error } = json;
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? (json as ErrorBody) : undefined;
}
