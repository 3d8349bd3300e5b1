import { type Endpoint, endpoint, type Frontend, json, raw } from '../endpoint.ts';
import {
  anything,
  array,
  base64,
  count,
  hex32,
  type Infer,
  object,
  oneOf,
  pem,
  type Schema,
  text,
  transactionId,
} from '../schema.ts';

/** `GET /app/commit`. */
export const commitOut = object(
  { transaction_id: transactionId },
  { view_history: array(transactionId) },
  'Commit',
);
/** The highest committed transaction, and the first one of each view when asked for. */
export type CommitOut = Infer<typeof commitOut>;

/** What can be said about a transaction. `Committed` and `Invalid` are final. */
export const transactionStatus = oneOf('Unknown', 'Pending', 'Committed', 'Invalid');
/** What can be said about a transaction. */
export type TransactionStatus = Infer<typeof transactionStatus>;

/** `GET /app/tx`. */
export const transactionOut = object(
  { transaction_id: transactionId, status: transactionStatus },
  {},
  'Transaction',
);
/** A transaction and what became of it. */
export type TransactionOut = Infer<typeof transactionOut>;

/** `GET /app/receipt`: one step of the proof has a `left` or a `right` sibling, never both. */
export const receiptOut = object(
  {
    signature: base64,
    node_id: hex32,
    cert: pem,
    proof: array(object({}, { left: hex32, right: hex32 })),
  },
  {
    leaf: hex32,
    leaf_components: object({
      write_set_digest: hex32,
      commit_evidence: text('ce:<view>.<seqno>:<nonce>'),
      claims_digest: hex32,
    }),
    service_endorsements: array(pem),
  },
  'Receipt',
);

/** `GET /app/standing`. */
export const standingOut = object(
  {
    transaction_id: transactionId,
    standing: oneOf('in-force', 'undone'),
    as_of: transactionId,
    signature: base64,
    root: hex32,
    records: array(
      object({
        transaction_id: transactionId,
        standing: oneOf('undone', 'restored'),
        by: transactionId,
        index: count(),
        path: array(hex32),
      }),
    ),
  },
  { by: transactionId },
  'Standing',
);

/** The error body as a schema; the name is the one CCF gives it in its documents. */
export const errorOut = object(
  {
    error: object({ code: text() }, { message: text(), details: array(anything) }),
  },
  {},
  'CCFError',
);

const viewHistory: Readonly<Record<string, Schema>> = {
  view_history: { type: 'boolean', description: 'Also list the first transaction of each view' },
  view_history_since: { type: 'integer', minimum: 1, description: 'List them from this view on' },
};

/** The endpoints that every frontend has. */
export function commonEndpoints(frontend: Frontend): readonly Endpoint[] {
  return [
    endpoint('GET', `/${frontend}/commit`, {
      forwarding: 'sometimes',
      summary: 'The highest transaction known to be committed',
      query: viewHistory,
      answers: [json(commitOut)],
      errors: ['InvalidQueryParameterValue'],
    }),
    endpoint('GET', `/${frontend}/tx`, {
      forwarding: 'sometimes',
      summary: 'What became of a transaction',
      requiredQuery: { transaction_id: transactionId },
      answers: [json(transactionOut)],
      errors: ['InvalidQueryParameterValue'],
    }),
    endpoint('GET', `/${frontend}/receipt`, {
      forwarding: 'sometimes',
      summary: 'The proof that a committed transaction is in the ledger',
      requiredQuery: { transaction_id: transactionId },
      answers: [json(receiptOut), raw('text/plain', 'Being fetched: ask again after `retry-after`', 202)],
      errors: ['TransactionPendingOrUnknown', 'TransactionInvalid'],
    }),
    endpoint('GET', `/${frontend}/standing`, {
      forwarding: 'sometimes',
      summary: 'The proof of whether a committed transaction is undone, as of the latest commit',
      requiredQuery: { transaction_id: transactionId },
      answers: [json(standingOut), raw('text/plain', 'About to change: ask again after `retry-after`', 202)],
      errors: ['TransactionPendingOrUnknown', 'TransactionInvalid', 'TransactionNotFound'],
    }),
    endpoint('GET', `/${frontend}/api`, {
      forwarding: 'never',
      summary: 'This document',
      answers: [json(anything)],
    }),
  ];
}
