import {
  AccessError,
  type Audiences,
  audienceIdOf,
  audienceIdToHex,
  decodeClaims,
  hasAudiences,
  type Listed,
  type ListQuery,
  limits,
  listPage,
  looksAt,
  ParcelDesk,
  paddedJson,
  readersOfSegment,
  recordAt,
  type Segment,
  Shelves,
  seenOf,
  seqnoKey,
  type TransactionRecord,
  tables,
} from '@coco/access';
import { contentType, header } from '@coco/api';
import { toBase64 } from '@coco/crypto';
import { type ByteString, byteStringToBytes, byteStringToUtf8, utf8ToByteString } from '@coco/kv';
import { formatTxId, type TxId } from '@coco/ledger';
import { type BuiltinContext, type Handler, type NodeView, receiptBody } from '../endpoints/context.ts';
import { noSuchTransaction, pastStateAt } from '../endpoints/transactions.ts';
import { type Answer, json, refusal } from '../frontend/answer.ts';
import { isReadBy, recordSight, type Sight, segmentsInSight, sightOf } from './sight.ts';

/** A JSON answer whose length tells little: filled up with blanks. */
function padded(value: unknown): Answer {
  return { status: 200, headers: [[header.contentType, contentType.json]], body: paddedJson(value) };
}

function badQuery(message: string): Answer {
  return refusal(400, 'InvalidQueryParameterValue', message);
}

/** `GET /app/transactions`. */
export const listTransactions: Handler = (context) => {
  const sight = sightOf(context);
  if ('status' in sight) return sight;
  const asked = questionOf(context, sight);
  if ('status' in asked) return asked;
  const { node, tx } = context;
  const committed = node.replica.committed?.seqno ?? 0;
  const newest = asked.query.order === 'newest';
  const stretch = {
    after: newest ? 0 : (asked.at ?? 0),
    before: newest ? Math.min(asked.at ?? Number.MAX_SAFE_INTEGER, committed + 1) : committed + 1,
  };
  const page = listPage({ state: tx, index: node.access.index }, sight.segments, asked.query, stretch);
  const shown = page.items.map((item) => ({ item, segments: segmentsInSight(context, sight, item.record) }));
  const visible = shown.filter(({ segments }) => segments.length > 0);
  recordSight(
    context,
    sight,
    visible.map(({ segments }) => segments),
  );
  const value = visible.map(({ item, segments }) => shownTransaction(context.node, { ...item, segments }));
  const list = padded(
    page.next === undefined ? { value } : { value, nextLink: linkTo(context, sight, asked.text, page.next) },
  );
  return sight.grant ? { ...list, whenCommitted: true } : list;
};

/** A question as text, to which cursors are bound, and which page of its answers is wanted. */
interface PageAsked {
  readonly text: string;
  readonly limit: number;
  /** Where the cursor says to go on. */
  readonly at: number | undefined;
}

/** What a request says of the page it wants, or what is wrong with that. */
function pageOf({ node, query }: BuiltinContext, { viewer }: Sight, text: string): PageAsked | Answer {
  const limit = query.has('limit') ? Number(query.get('limit')) : limits.pageDefault;
  if (!Number.isInteger(limit) || limit < 1 || limit > limits.pageMax) {
    return badQuery(`limit is a whole number from 1 to ${limits.pageMax}.`);
  }
  const cursor = query.get('cursor');
  const at =
    cursor === null ? undefined : node.access.behindCursor(cursor, { viewer, query: text }, node.now);
  if (cursor !== null && at === undefined) {
    return badQuery('The cursor was not given out to this caller for this list, or is too old.');
  }
  return { text, limit, at };
}

/** A question, checked. */
export interface Question extends Pick<PageAsked, 'text' | 'at'> {
  readonly query: ListQuery;
}

const parameters = ['order', 'from', 'to', 'endpoint', 'by', 'party', 'map', 'key', 'grant'] as const;

/** What a request asks of the list, or what is wrong with it. */
export function questionOf(context: BuiltinContext, sight: Sight): Question | Answer {
  const { node, query } = context;
  const given = parameters.map((name) => query.get(name));
  const [order, from, to, endpoint, by, party, map, key] = given;
  if (order != null && order !== 'newest' && order !== 'oldest')
    return badQuery('order is newest or oldest.');
  if ((map == null) !== (key == null)) return badQuery('map and key go together.');
  const times = [from, to].map((time) => (time == null ? undefined : Date.parse(time)));
  if (times.some(Number.isNaN))
    return badQuery('from and to are times as of ISO 8601: 2026-01-01T00:00:00Z.');
  const { audiences } = node.access;
  const page = pageOf(context, sight, JSON.stringify(given));
  if ('status' in page) return page;
  const { at, limit, text } = page;
  const [fromMs, toMs] = withinGrant(times, sight);
  return {
    at,
    text,
    query: {
      order: order === 'oldest' ? 'oldest' : 'newest',
      limit,
      ...(fromMs === undefined ? {} : { from: fromMs }),
      ...(toMs === undefined ? {} : { to: toMs }),
      ...(endpoint == null ? {} : { endpoint }),
      ...(by == null ? {} : { by }),
      ...(party == null
        ? {}
        : {
            withReader: (segment: Segment) => isReadBy(audiences, segment, `party:${party}`),
          }),
      ...(map == null || key == null || !audiences.secret
        ? {}
        : { mark: markOf(context, sight.segments, { map, key: utf8ToByteString(key) }) }),
    },
  };
}

/** A row of the application, by its own key. */
interface RowAsked {
  readonly map: string;
  readonly key: ByteString;
}

/** What transactions that wrote a row are marked with; by its name where only the parties' nodes know its key. */
function markOf(
  { node, shelves }: BuiltinContext,
  segments: readonly Segment[],
  row: RowAsked,
): NonNullable<ListQuery['mark']> {
  const { audiences } = node.access;
  const marks = marksOf(audiences, segments, shelves(), row);
  // A stream outlives the request and what was lent to it, and sees audiences that come later.
  const later = new Shelves(audiences, new ParcelDesk(node.parcels));
  return (segment) => marks.get(segment) ?? marksOf(audiences, [segment], later, row).get(segment) ?? '';
}

function marksOf(
  { secret }: Audiences,
  segments: readonly Segment[],
  shelves: Shelves,
  { map, key }: RowAsked,
): Map<Segment, ByteString> {
  const marks = new Map<Segment, ByteString>();
  for (const segment of segments) {
    try {
      const name = hasAudiences(map) ? shelves.of(segment)?.nameOf(map, key) : undefined;
      if (secret) marks.set(segment, secret.keyMark(map, name ?? key));
    } catch (error) {
      // What is away is asked for after the request, which is then served again.
      if (!(error instanceof AccessError)) throw error;
    }
  }
  return marks;
}

/** The times asked for, as far as the grant goes. */
function withinGrant([from, to]: readonly (number | undefined)[], { grant }: Sight): (number | undefined)[] {
  if (!grant) return [from, to];
  return [Math.max(from ?? 0, grant.fromMs), Math.min(to ?? Number.MAX_SAFE_INTEGER, grant.untilMs)];
}

function linkTo(context: BuiltinContext, { viewer }: Sight, text: string, seqno: number): string {
  const { node, query, target } = context;
  const link = new URLSearchParams(query);
  link.set('cursor', node.access.cursorAfter(seqno, { viewer, query: text }, node.now));
  return `${target.fullPath}?${link}`;
}

/** A transaction as it is shown to somebody who may see it. */
export function shownTransaction({ access, undo }: NodeView, { seqno, record, segments }: Listed): object {
  const txId = { view: record.view, seqno };
  const undoneBy = undo.standings.undoneBy(txId);
  return {
    reference: access.referenceOf(txId),
    ...(access.opaqueIds ? {} : { transaction_id: formatTxId(txId) }),
    time: new Date(record.time).toISOString(),
    endpoint: record.endpoint,
    by: record.by,
    audiences: segments.map((segment) => shownAudience(access, segment)),
    undone_by: undoneBy ? (access.opaqueIds ? access.referenceOf(undoneBy) : formatTxId(undoneBy)) : null,
  };
}

function shownAudience(access: NodeView['access'], segment: Segment): object {
  const id = audienceIdOf(segment);
  const audience = access.audiences.find(id);
  return {
    id: audienceIdToHex(id),
    readers: audience ? readersOfSegment(audience, segment) : [],
    ...(audience?.home === 'parties' ? { home: audience.home } : {}),
    ...(audience?.lends === false ? { lend: false } : {}),
    shredded: access.audiences.isShredded(segment),
  };
}

interface Located {
  readonly txId: TxId;
  readonly record: TransactionRecord;
  readonly segments: readonly Segment[];
  readonly sight: Sight;
}

/** The transaction of the path's reference, if it is committed and the caller's to see; else the one refusal. */
function locate(context: BuiltinContext): Located | Answer {
  const sight = sightOf(context);
  if ('status' in sight) return sight;
  const { node, tx, params } = context;
  const txId = node.access.resolve(params.reference ?? '');
  const record = recordAt(tx, txId?.seqno ?? 0);
  const isCommitted =
    txId && record?.view === txId.view && txId.seqno <= (node.replica.committed?.seqno ?? 0);
  const segments = record && isCommitted ? segmentsInSight(context, sight, record) : [];
  if (!txId || !record || segments.length === 0) return noSuchTransaction();
  return { txId, record, segments, sight };
}

/** The answer that shows of a transaction what was asked for: by grant, that leaves a trace, which is there before it. */
function showing(context: BuiltinContext, { segments, sight }: Located, answer: Answer): Answer {
  recordSight(context, sight, [segments]);
  return sight.grant ? { ...answer, whenCommitted: true } : answer;
}

/** `GET /app/transactions/{reference}`. */
export const oneTransaction: Handler = (context) => {
  const found = locate(context);
  if ('status' in found) return found;
  const { txId, record, segments } = found;
  const value = shownTransaction(context.node, { seqno: txId.seqno, record, segments });
  return showing(context, found, padded(value));
};

/** `GET /app/transactions/{reference}/receipt`. */
export const receiptOfTransaction: Handler = (context) => {
  const found = locate(context);
  if ('status' in found) return found;
  const state = pastStateAt(context.node, found.txId);
  return 'status' in state ? state : showing(context, found, json(receiptBody(state.receipt)));
};

/** `GET /app/transactions/{reference}/writes`: the rows it wrote that the caller may see, of maps with audiences. */
export const writesOfTransaction: Handler = (context) => {
  const found = locate(context);
  if ('status' in found) return found;
  const state = pastStateAt(context.node, found.txId);
  if ('status' in state) return state;
  const seen = new Set(found.segments);
  const writes = seenOf(state.writeSet, context.shelves(), (_, segment) => seen.has(segment));
  const maps = [...writes].filter(([map]) => map.startsWith('audience:'));
  const value = maps.map(([map, rows]) => ({
    map,
    rows: [...rows].map(([key, row]) => ({
      key: shownBytes(key),
      value: row === null ? null : shownBytes(row),
    })),
  }));
  return showing(context, found, padded({ value }));
};

/** Text where it is text; other bytes as base64 in an object. */
function shownBytes(bytes: ByteString): unknown {
  try {
    return byteStringToUtf8(bytes);
  } catch {
    return { base64: toBase64(byteStringToBytes(bytes)) };
  }
}

/** `GET /app/transactions/{reference}/claims`. */
export const claimsOfTransaction: Handler = (context) => {
  const found = locate(context);
  if ('status' in found) return found;
  const key = seqnoKey(found.txId.seqno);
  const sealed = context.tx.get(tables.claims, key);
  const shelf = found.segments.map((segment) => context.shelves().of(segment)).find((each) => each);
  if (sealed === undefined || !shelf) {
    return refusal(404, 'ResourceNotFound', 'This transaction claims nothing, or its claims were shredded.');
  }
  const [row] = shelf.open(tables.claims, [{ key, value: sealed, version: 0 }]);
  return showing(context, found, padded(decodeClaims(row?.value ?? '')));
};

/** `GET /app/access`: who the caller is, to audiences. */
export const whoAmI: Handler = (context) => {
  const { id, party, roles, readers } = context.viewer();
  return json({ id, party, roles, readers });
};

/** `GET /app/access/looks`: who looked, by a grant, at what the caller may see. */
export const listLooks: Handler = (context) => {
  const sight = sightOf(context);
  if ('status' in sight) return sight;
  const asked = pageOf(context, sight, 'looks');
  if ('status' in asked) return asked;
  const { access, replica } = context.node;
  const before = Math.min(asked.at ?? Number.MAX_SAFE_INTEGER, (replica.committed?.seqno ?? 0) + 1);
  const segments = access.audiences.seenBy(sight.viewer);
  const { looks, next } = looksAt(context.tx, segments, { before, limit: asked.limit });
  const value = looks.map(({ segment, time, ...look }) => ({
    ...look,
    time: new Date(time).toISOString(),
    audience: shownAudience(access, segment),
  }));
  return padded(
    next === undefined ? { value } : { value, nextLink: linkTo(context, sight, asked.text, next) },
  );
};

/** `GET /app/events`. */
export const streamEvents: Handler = (context) => context.node.events.open(context);

/** The handlers of the endpoints of private transactions, by path. */
export const accessHandlers: Readonly<Record<string, Handler>> = {
  '/app/events': streamEvents,
  '/app/access': whoAmI,
  '/app/access/looks': listLooks,
  '/app/transactions': listTransactions,
  '/app/transactions/{reference}': oneTransaction,
  '/app/transactions/{reference}/receipt': receiptOfTransaction,
  '/app/transactions/{reference}/writes': writesOfTransaction,
  '/app/transactions/{reference}/claims': claimsOfTransaction,
};
