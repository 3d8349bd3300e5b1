import { type Endpoint, endpoint, json, raw } from '../endpoint.ts';
import {
  anything,
  array,
  count,
  flag,
  type Infer,
  nullable,
  object,
  oneOf,
  text,
  transactionId,
} from '../schema.ts';
import { receiptOut } from './transactions.ts';

const auth = ['user_cert', 'member_cert', 'jwt'] as const;
const reader = text('party:NAME, role:NAME, user:ID or everybody');
const time = text('ISO 8601');
const limit = count('1 to 1000, 100 if it is not said');
const cursor = text('From `nextLink`; serves its caller and its question alone');
const grant = text('A grant by which the caller looks at what is not its own; the look is recorded');

/** Those who may see a transaction. */
export const audienceOut = object(
  { id: text(), readers: array(reader), shredded: flag },
  { home: oneOf('parties'), lend: flag },
  'Audience',
);

/** A private transaction as somebody sees it who may. */
export const listedOut = object(
  {
    reference: text('The name under which the parties know the transaction'),
    time,
    endpoint: text('Method and template'),
    by: nullable(reader),
    audiences: array(audienceOut),
    undone_by: nullable(text()),
  },
  { transaction_id: transactionId },
  'ListedTransaction',
);
/** A private transaction as somebody sees it who may. */
export type ListedOut = Infer<typeof listedOut>;

/** Somebody looked, by a grant, at what an audience may see. */
export const lookOut = object(
  {
    grant: text(),
    by: reader,
    time,
    asked: text('Path and query of the request'),
    audience: audienceOut,
    shown: count("How many of the audience's transactions the answer showed"),
  },
  {},
  'Look',
);
/** Somebody looked, by a grant, at what an audience may see. */
export type LookOut = Infer<typeof lookOut>;

/** Fields of a transaction that can be disclosed one by one. */
export const claimsOut = object({ digests: array(text()), disclosures: array(text()) }, {}, 'Claims');
/** Fields of a transaction that can be disclosed one by one. */
export type ClaimsOut = Infer<typeof claimsOut>;

const fetched = raw('text/plain', 'Being fetched: ask again after `retry-after`', 202);

/** What a service offers to those who may see private transactions. A path of the app goes before one of these. */
export const accessEndpoints: readonly Endpoint[] = [
  endpoint('GET', '/app/transactions', {
    forwarding: 'sometimes',
    writesWith: 'grant',
    auth,
    summary: "The caller's private transactions, page by page; nothing tells of others",
    query: {
      order: oneOf('newest', 'oldest'),
      limit,
      cursor,
      from: time,
      to: time,
      endpoint: text(),
      by: reader,
      party: text('Has this party in an audience'),
      map: text('Wrote `key` of this map'),
      key: text(),
      grant,
    },
    answers: [json(object({ value: array(listedOut) }, { nextLink: text() }))],
    errors: ['InvalidQueryParameterValue', 'AuthorizationFailed'],
  }),
  endpoint('GET', '/app/transactions/{reference}', {
    forwarding: 'sometimes',
    writesWith: 'grant',
    auth,
    summary: 'One private transaction',
    query: { grant },
    answers: [json(listedOut)],
    errors: ['TransactionNotFound', 'AuthorizationFailed'],
  }),
  endpoint('GET', '/app/transactions/{reference}/receipt', {
    forwarding: 'sometimes',
    writesWith: 'grant',
    auth,
    summary: 'Its receipt',
    query: { grant },
    answers: [json(receiptOut), fetched],
    errors: ['TransactionNotFound', 'AuthorizationFailed'],
  }),
  endpoint('GET', '/app/transactions/{reference}/writes', {
    forwarding: 'sometimes',
    writesWith: 'grant',
    auth,
    summary: 'The rows it wrote for the caller, of maps whose rows have audiences',
    query: { grant },
    answers: [
      json(
        object({
          value: array(object({ map: text(), rows: array(object({ key: anything, value: anything })) })),
        }),
      ),
      fetched,
    ],
    errors: ['TransactionNotFound', 'AuthorizationFailed'],
  }),
  endpoint('GET', '/app/transactions/{reference}/claims', {
    forwarding: 'sometimes',
    writesWith: 'grant',
    auth,
    summary: 'What it claims, to be disclosed field by field',
    query: { grant },
    answers: [json(claimsOut)],
    errors: ['TransactionNotFound', 'ResourceNotFound', 'AuthorizationFailed'],
  }),
  endpoint('GET', '/app/events', {
    forwarding: 'sometimes',
    auth,
    summary: "The caller's private transactions as they are committed, as server-sent events; resumable",
    query: {
      cursor: text('The id of the last event that was received; the header last-event-id says the same'),
      from: time,
      endpoint: text(),
      by: reader,
      party: text('Has this party in an audience'),
    },
    answers: [raw('text/event-stream', 'Events `transaction`; `data` is a ListedTransaction')],
    errors: ['InvalidQueryParameterValue', 'SessionCapExhausted'],
  }),
  endpoint('GET', '/app/access', {
    forwarding: 'sometimes',
    summary: 'Who the caller is to audiences',
    answers: [
      json(
        object({
          id: nullable(text()),
          party: nullable(text()),
          roles: array(text()),
          readers: array(reader),
        }),
      ),
    ],
  }),
  endpoint('GET', '/app/access/looks', {
    forwarding: 'sometimes',
    auth,
    summary: 'Who looked, by a grant, at what the caller may see; the newest first, page by page',
    query: { limit, cursor },
    answers: [json(object({ value: array(lookOut) }, { nextLink: text() }))],
    errors: ['InvalidQueryParameterValue'],
  }),
];
