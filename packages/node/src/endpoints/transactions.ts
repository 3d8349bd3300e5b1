import { referenceCharacters, type Viewer } from '@coco/access';
import { contentType, header, type OpenApiDocument } from '@coco/api';
import { nodeInfos } from '@coco/governance';
import { formatTxId, parseTxId, type TxId } from '@coco/ledger';
import { type Answer, json, refusal, text, withHeader } from '../frontend/answer.ts';
import type { PastState } from '../historical.ts';
import { type BuiltinContext, type Handler, type NodeView, receiptBody, statusOf } from './context.ts';

function badQuery(message: string, status = 400): Answer {
  return refusal(status, 'InvalidQueryParameterValue', message);
}

function tryParseTxId(value: string): TxId | undefined {
  try {
    return parseTxId(value);
  } catch {
    return undefined;
  }
}

/** `GET /commit`: the latest committed transaction, and where views began if asked. */
export const getCommit: Handler = (context) => {
  const { node, query } = context;
  const { replica } = node;
  if (hidesIds(context))
    return refusal(404, 'ResourceNotFound', 'This service keeps its transaction ids to itself.');
  const { committed } = replica;
  const body: Record<string, unknown> = { transaction_id: committed ? formatTxId(committed) : '0.0' };
  const wanted = query.get('view_history');
  if (wanted !== null && wanted !== 'true' && wanted !== 'false') {
    return badQuery(`Invalid value for view_history: '${wanted.slice(0, 64)}'. Expected true or false.`);
  }
  const since = query.get('view_history_since');
  const first = since === null ? (wanted === 'true' ? 1 : undefined) : Number.parseInt(since, 10);
  if (first === undefined || Number.isNaN(first)) return json(body);
  const { view } = replica.raft;
  if (first < 1 || first > view) {
    const range = 'Invalid value for view_history_since, must be in range [1, current_term]';
    return badQuery(range, first < 1 ? 400 : 404);
  }
  return json({ ...body, view_history: viewStarts(replica, view).slice(first - 1) });
};

/** First transaction of each view from 1 on; a view without entries is shown where the next one began. */
function viewStarts(replica: NodeView['replica'], current: number): string[] {
  const starts = replica.raft.viewHistory();
  return Array.from({ length: current }, (_, i) => {
    const next = starts.find((start) => start.view >= i + 1);
    return `${i + 1}.${next?.seqno ?? replica.nextSeqno}`;
  });
}

/** `GET /tx?transaction_id=V.S`, or of a reference. */
export const getTransaction: Handler = (context) => {
  const { node: view, query } = context;
  const given = query.get('transaction_id');
  if (given === null) return badQuery("Missing query parameter 'transaction_id'");
  if (isReference(given) || hidesIds(context)) {
    const txId = referredTo(context, given);
    return txId ? json({ status: statusOf(view.replica, txId), transaction_id: given }) : noSuchTransaction();
  }
  const txId = tryParseTxId(given);
  if (!txId) {
    const shown = given.slice(0, 64);
    return badQuery(
      `The value '${shown}' passed as query parameter 'transaction_id' could not be converted to a valid Transaction ID.`,
    );
  }
  return json({ status: statusOf(view.replica, txId), transaction_id: formatTxId(txId) });
};

/** Whether callers of this frontend are to know nothing of transaction ids. */
function hidesIds({ node, target }: BuiltinContext): boolean {
  return target.frontend === 'app' && node.access.opaqueIds;
}

/** Ids hold a dot, references never do. */
function isReference(given: string): boolean {
  return given.length === referenceCharacters && !given.includes('.');
}

/** The transaction that a reference names, if the caller may know of it. */
function referredTo({ node, viewer }: BuiltinContext, given: string): TxId | undefined {
  const txId = node.access.resolve(given);
  return txId && node.access.mayKnow(viewer, txId.seqno) ? txId : undefined;
}

/** The one answer to every reference that is not the caller's to know. */
export function noSuchTransaction(): Answer {
  return refusal(404, 'TransactionNotFound', 'There is no such transaction.');
}

/** What `given` names to this viewer. Hidden from it: not there, as in `pastStateAt`. */
export function pastState(
  view: NodeView,
  given: string | null | undefined,
  viewer: () => Viewer,
): PastState | Answer {
  if (given && isReference(given)) {
    const txId = view.access.resolve(given);
    return txId && view.access.mayKnow(viewer, txId.seqno) ? pastStateAt(view, txId) : noSuchTransaction();
  }
  const txId = given ? tryParseTxId(given) : undefined;
  if (!txId) return refusal(404, 'TransactionInvalid', 'Could not extract Transaction Id');
  const isHidden = !view.access.mayKnow(viewer, txId.seqno);
  return pastStateAt(view, txId, isHidden ? 'Unknown' : undefined);
}

/** The past state of one committed transaction, or the answer to give instead. */
export function pastStateAt(view: NodeView, txId: TxId, told?: 'Unknown'): PastState | Answer {
  const name = formatTxId(txId);
  const status = told ?? statusOf(view.replica, txId);
  if (status === 'Invalid') {
    return refusal(404, 'TransactionInvalid', `Transaction ${name} is invalid.`);
  }
  if (status !== 'Committed') {
    const pending = `Only committed transactions can be queried. Transaction ${name} is ${status}`;
    return withHeader(refusal(404, 'TransactionPendingOrUnknown', pending), header.cacheControl, 'no-cache');
  }
  if (view.status !== 'PartOfNetwork' && txId.seqno <= view.startupSeqno) {
    // Without the ledger secret of its time there is no receipt; the members' shares bring it back.
    return refusal(404, 'TransactionInvalid', `Transaction ${name} is of an epoch that is being recovered.`);
  }
  if (view.replica.secrets.isLost(txId.seqno)) {
    const why = 'is of a recovery that was given up, whose ledger secret is lost: there is no receipt';
    return refusal(404, 'TransactionInvalid', `Transaction ${name} ${why}.`);
  }
  const states = view.historical.request(`tx ${name}`, txId.seqno, txId.seqno);
  const [state] = states ?? [];
  if (!state) {
    return withHeader(
      text(`Historical transaction ${name} is not currently available.`, 202),
      header.retryAfter,
      '3',
    );
  }
  return state;
}

/** `GET /receipt?transaction_id=V.S`. */
export const getReceipt: Handler = (context) => {
  const { node: view, query, tx } = context;
  // It reads the state, and so answers with the version it read.
  tx.has(nodeInfos.name, view.identity.id);
  const given = query.get('transaction_id') ?? '';
  if (hidesIds(context) && !isReference(given)) return noSuchTransaction();
  const state = pastState(view, given, context.viewer);
  return 'status' in state ? state : json(receiptBody(state.receipt));
};

/** `GET /standing?transaction_id=V.S`, or of a reference: whether a transaction is undone, proven. */
export const getStanding: Handler = (context) => {
  const { node: view, query } = context;
  const given = query.get('transaction_id') ?? '';
  if (isReference(given) || hidesIds(context)) {
    const txId = referredTo(context, given);
    return txId ? standingOf(view, txId) : noSuchTransaction();
  }
  const txId = tryParseTxId(given);
  if (!txId) return refusal(404, 'TransactionInvalid', 'Could not extract Transaction Id');
  const isHidden = !view.access.mayKnow(context.viewer, txId.seqno);
  return standingOf(view, txId, isHidden ? 'Unknown' : undefined);
};

function standingOf(view: NodeView, txId: TxId, told?: 'Unknown'): Answer {
  const status = told ?? statusOf(view.replica, txId);
  const name = formatTxId(txId);
  if (status === 'Invalid') return refusal(404, 'TransactionInvalid', `Transaction ${name} is invalid.`);
  // Only a signature is ever the commit point, and only what it signed can be proven.
  if (status === 'Committed') {
    const proof = view.undo.standings.prove(txId, view.replica.raft.commit);
    const coming = `The standing of transaction ${name} is about to change.`;
    return proof ? json(proof) : withHeader(text(coming, 202), header.retryAfter, '1');
  }
  const pending = `Only committed transactions have a standing. Transaction ${name} is ${status}`;
  return withHeader(refusal(404, 'TransactionPendingOrUnknown', pending), header.cacheControl, 'no-cache');
}

/** `GET /api`: the OpenAPI document that `build` makes. */
export function getApi(build: (context: BuiltinContext) => OpenApiDocument): Handler {
  return (context) => ({
    status: 200,
    headers: [[header.contentType, contentType.json]],
    body: new TextEncoder().encode(JSON.stringify(build(context))),
  });
}
