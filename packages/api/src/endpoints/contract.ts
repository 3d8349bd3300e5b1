import { type Endpoint, endpoint, json } from '../endpoint.ts';
import { array, count, type Infer, object, oneOf, text, transactionId } from '../schema.ts';

const loggedCallOut = object(
  {
    number: count('Counts up from 1 as long as the node runs'),
    at: count('Ms since 1970'),
    method: text(),
    path: text('As requested, without the query'),
    status: count(),
    printed: array(object({ level: oneOf('info', 'warn', 'error'), text: text() })),
  },
  {
    transaction_id: transactionId,
    failure: object({ reason: text() }, { trace: text(), limit: oneOf('time', 'heap', 'stack') }),
  },
  'LoggedCall',
);
/**
 * What a contract said and suffered in one call: `transaction_id` is what its writes became, pending or not;
 * `failure` why it failed, which its caller is not told.
 */
export type LoggedCallOut = Infer<typeof loggedCallOut>;

const indexStatusOut = object(
  {
    name: text(),
    kind: oneOf('rows', 'history'),
    map: text(),
    next_requested_seqno: count(),
    places: count(),
  },
  {
    seqno: count(),
    built: object({ done: count(), of: count() }),
    skipped: object({ count: count(), reason: text() }),
    waits: text(),
    failure: text(),
  },
  'IndexStrategy',
);

/** What a node tells of the installed contract at work. */
export const contractEndpoints: readonly Endpoint[] = [
  endpoint('GET', '/node/index/strategies', {
    forwarding: 'never',
    summary: 'The indexes that the contacted node keeps, and how far they are',
    answers: [json(array(indexStatusOut))],
  }),
  endpoint('GET', '/node/contract/log', {
    forwarding: 'never',
    summary:
      'What the contract printed on the contacted node, and why its calls failed; for those members allow',
    query: { after: count('Only calls after this number') },
    answers: [json(object({ calls: array(loggedCallOut) }, {}, 'ContractLog'))],
    errors: ['AuthorizationFailed', 'InvalidAuthenticationInfo', 'InvalidQueryParameterValue'],
  }),
];
