import { type Listed, type ListQuery, listPage, paddedSize, tables } from '@coco/access';
import { contentType, header } from '@coco/api';
import { utf8ToByteString } from '@coco/kv';
import type { BuiltinContext, NodeView } from '../endpoints/context.ts';
import type { HttpRequest, Session } from '../event.ts';
import { type Answer, refusal } from '../frontend/answer.ts';
import { limits } from '../limits.ts';
import type { Outbox } from '../outbox.ts';
import { type Question, questionOf, shownTransaction } from './endpoints.ts';
import { sightOf } from './sight.ts';

interface Stream {
  readonly id: number;
  readonly session: Session;
  readonly request: HttpRequest;
  readonly question: Question;
  /** The last transaction that was told or passed over. */
  at: number;
  /** The host has sent all it was given: more may follow. */
  isReady: boolean;
  /** There is more to look through, however little of it is told. */
  isBehind: boolean;
  sentAt: number;
}

/**
 * `GET /app/events`: the caller's private transactions as they are committed, as server-sent events. Each stream has at
 * most one piece under way, and the piece a bound: what a slow client has not read yet stays in the ledger.
 */
export class EventStreams {
  readonly #node: NodeView;
  readonly #outbox: Outbox;
  readonly #streams = new Map<number, Stream>();
  /** The last seqno at which there was anything private. */
  #latest = 0;
  #lookedAt = 0;
  #beat: number | undefined;

  constructor(node: NodeView, outbox: Outbox) {
    this.#node = node;
    this.#outbox = outbox;
    node.replica.store.onWrite(tables.transactions, (version) => {
      this.#latest = version;
    });
  }

  /** Begins a stream, or refuses. */
  open(context: BuiltinContext): Answer {
    const sight = sightOf(context);
    if ('status' in sight) return sight;
    const resumed = context.request.headers['last-event-id'] ?? context.query.get('cursor');
    const question = questionOf({ ...context, query: asked(context.query, resumed) }, sight);
    if ('status' in question) return question;
    if (sight.grant)
      return refusal(403, 'AuthorizationFailed', 'A grant opens lists, not the stream of events.');
    if (this.#streams.size >= limits.eventStreamsMax) {
      return refusal(503, 'SessionCapExhausted', 'This node has as many streams of events as it takes.');
    }
    const present = this.#node.replica.committed?.seqno ?? 0;
    const at = question.at ?? (question.query.from === undefined ? present : 0);
    const { id, session, request } = context;
    this.#streams.set(id, {
      id,
      session,
      request,
      question,
      at,
      isReady: false,
      isBehind: false,
      sentAt: this.#node.now,
    });
    const headers = [
      [header.contentType, contentType.eventStream],
      [header.cacheControl, 'no-store'],
    ] as const;
    return { status: 200, headers, body: '', streams: true };
  }

  /** The host has sent what it was given of a stream. */
  sent(id: number): void {
    const stream = this.#streams.get(id);
    if (!stream) return;
    stream.isReady = true;
    if (this.#node.cover.beat === undefined) this.#tell(stream);
  }

  /** The client went away. */
  abandoned(id: number): void {
    this.#streams.delete(id);
  }

  /** Tells what has been committed since; and, now and then, that the stream is alive. Under cover, all at each beat. */
  step(): void {
    if (this.#streams.size === 0) return;
    const { beat } = this.#node.cover;
    const isNewBeat = beat !== this.#beat;
    this.#beat = beat;
    if (beat !== undefined) {
      for (const stream of this.#streams.values()) if (isNewBeat && stream.isReady) this.#tell(stream);
      return;
    }
    const committed = this.#node.replica.committed?.seqno ?? 0;
    const isNews = this.#latest > this.#lookedAt;
    this.#lookedAt = Math.min(committed, this.#latest);
    const { now } = this.#node;
    for (const stream of this.#streams.values()) {
      if (stream.isReady && (isNews || stream.isBehind || now - stream.sentAt >= limits.eventSilenceMsMax))
        this.#tell(stream);
    }
  }

  #tell(stream: Stream): void {
    const { access, now, replica } = this.#node;
    // Who was removed meanwhile, or whose certificate has ended, hears no more.
    const viewer = access.viewerOfRequest(stream, now);
    if (viewer.id === null) {
      this.#streams.delete(stream.id);
      this.#outbox.push({ kind: 'stream', id: stream.id, piece: '', isLast: true });
      return;
    }
    const state = replica.store.begin();
    const stretch = { after: stream.at, before: (replica.committed?.seqno ?? 0) + 1 };
    const query: ListQuery = { ...stream.question.query, order: 'oldest', limit: limits.eventsPerPiece };
    const page = listPage({ state, index: access.index }, access.audiences.seenBy(viewer), query, stretch);
    state.discard();
    // It goes on by itself: that others write must not make it come sooner.
    stream.isBehind = page.next !== undefined;
    stream.at = page.next ?? page.items.at(-1)?.seqno ?? stream.at;
    const binding = { viewer, query: stream.question.text };
    const piece = page.items
      .map((item) => this.#event(item, access.cursorAfter(item.seqno, binding, now)))
      .join('');
    if (this.#beat !== undefined) this.#send(stream, covered(piece));
    else if (piece !== '') this.#send(stream, piece);
    else if (now - stream.sentAt >= limits.eventSilenceMsMax) this.#send(stream, ': still here\n\n');
  }

  #event(item: Listed, cursor: string): string {
    const data = JSON.stringify(shownTransaction(this.#node, item));
    return utf8ToByteString(`id: ${cursor}\nevent: transaction\ndata: ${data}\n\n`);
  }

  #send(stream: Stream, piece: string): void {
    stream.isReady = false;
    stream.sentAt = this.#node.now;
    this.#outbox.push({ kind: 'stream', id: stream.id, piece, isLast: false });
  }
}

/** A piece filled up with a comment, so that its length tells neither how much there is nor whether there is anything. */
function covered(piece: string): string {
  const end = '\n\n';
  const length = paddedSize(Math.max(limits.coverPieceBytes, piece.length + 1 + end.length));
  return `${`${piece}:`.padEnd(length - end.length)}${end}`;
}

/** The filters of a stream: those of a list, always in the order of commits. */
function asked(query: URLSearchParams, cursor: string | null): URLSearchParams {
  const filters = new URLSearchParams(query);
  filters.set('order', 'oldest');
  if (cursor !== null) filters.set('cursor', cursor);
  return filters;
}
