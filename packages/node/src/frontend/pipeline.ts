import { AccessError, ParcelDesk, Shelves } from '@coco/access';
import { header, parsePrefer } from '@coco/api';
import type { Tx } from '@coco/kv';
import { formatTxId, type LeafComponents, type SealedEntry, type TxId } from '@coco/ledger';
import type { BuiltinContext, Handler, NodeView } from '../endpoints/context.ts';
import { isOpen } from '../endpoints/node.ts';
import type { Event } from '../event.ts';
import { limits } from '../limits.ts';
import type { CommitOutcome } from '../replica.ts';
import type { Waiting } from '../waiting.ts';
import { type Answer, empty, refusal, withHeader } from './answer.ts';
import type { AppCalls } from './app-calls.ts';
import { Bringing, type Loans, noLoans, partiesAway } from './bringing.ts';
import type { CurrentReads } from './current-reads.ts';
import type { GovernanceDoor } from './governance-door.ts';
import type { Router } from './router.ts';
import { anyNode, primaryOnly, type Routing, type RoutingRule, wantsCurrent } from './routing.ts';
import { SessionConsistency } from './session-consistency.ts';
import type { SnapshotDoor } from './snapshot-door.ts';
import { parseTarget, type Target } from './target.ts';

type Committed = Extract<CommitOutcome, { kind: 'committed' }>;

/** A request as the host hands it over. */
export type RequestEvent = Extract<Event, { kind: 'request' }>;

/** Gives an answer on, with what its transaction came to. */
export type Finish = (event: RequestEvent, answer: Answer, outcome: CommitOutcome | undefined) => void;

/** Built-in endpoints by frontend. */
export interface BuiltinRoutes {
  readonly node: Router<BuiltinRoute>;
  readonly gov: Router<BuiltinRoute>;
  readonly app: Router<BuiltinRoute>;
}

/** A built-in endpoint, and which nodes may serve it. */
export interface BuiltinRoute {
  readonly handler: Handler;
  readonly rule: RoutingRule;
  /** A parameter of the query with which it writes. */
  readonly writesWith?: string | undefined;
}

/** Handlers whose answers describe the contacted node alone and carry no transaction id. */
const withoutTransactionId = new Set(['/tx', '/commit']);

/**
 * The way of a request: bounds, frontend open, route, authentication, handler, commit, answer. Calls of
 * contracts are gathered and run as one batch; everything else is answered in passing.
 */
export class Pipeline {
  readonly #node: NodeView;
  readonly #routes: BuiltinRoutes;
  readonly #appCalls: AppCalls;
  readonly #governance: GovernanceDoor;
  readonly #snapshots: SnapshotDoor;
  readonly #routing: Routing;
  readonly #currentReads: CurrentReads;
  readonly #waiting: Waiting;
  readonly #respond: (id: number, answer: Answer) => void;
  readonly #bringing: Bringing;
  readonly #consistency: SessionConsistency;

  constructor(parts: {
    readonly node: NodeView;
    readonly routes: BuiltinRoutes;
    readonly appCalls: AppCalls;
    readonly governance: GovernanceDoor;
    readonly snapshots: SnapshotDoor;
    readonly routing: Routing;
    readonly currentReads: CurrentReads;
    readonly waiting: Waiting;
    readonly respond: (id: number, answer: Answer) => void;
  }) {
    this.#node = parts.node;
    this.#routes = parts.routes;
    this.#appCalls = parts.appCalls;
    this.#governance = parts.governance;
    this.#snapshots = parts.snapshots;
    this.#waiting = parts.waiting;
    this.#routing = parts.routing;
    this.#currentReads = parts.currentReads;
    this.#respond = parts.respond;
    this.#consistency = new SessionConsistency(parts.node.replica.store);
    this.#bringing = new Bringing(parts.node, (event, rule) => this.leadsElsewhere(event, rule));
  }

  /** Answers a batch of requests, in their order within each session. */
  handle(requests: readonly RequestEvent[]): void {
    for (const event of requests) this.#one(event);
    this.#appCalls.run();
  }

  /** Goes on with what had to wait. */
  step(): void {
    this.#governance.step();
  }

  /** Serves a request whose reads are known to be current now. */
  resume(event: RequestEvent): void {
    this.#serve(event, parseTarget(event.request.target));
    this.#appCalls.run();
  }

  #one(event: RequestEvent): void {
    const target = parseTarget(event.request.target);
    const refused = this.#refuse(event, target);
    if (refused) this.#respond(event.id, refused);
    else if (!this.#currentReads.holds(event, target)) this.#serve(event, target);
  }

  #serve(event: RequestEvent, target: Target): void {
    if (target.frontend === 'app' && this.#appCalls.offer(event, target)) return;
    // What came earlier on this session must have happened before a built-in endpoint looks.
    if (this.#appCalls.holds(event.session)) this.#appCalls.run();
    this.#builtin(event, target);
  }

  /** Checks that hold for every endpoint, in the order of the protocol. */
  #refuse({ request, session }: RequestEvent, target: Target): Answer | undefined {
    if (request.target.length > limits.targetBytesMax) {
      return refusal(
        400,
        'InvalidInput',
        `The request target is longer than ${limits.targetBytesMax} bytes.`,
      );
    }
    const { replica } = this.#node;
    if (target.frontend !== 'node' && this.#node.isRetired) {
      return refusal(
        503,
        'NodeRetired',
        'This node was retired: the service goes on without it. Ask another one.',
      );
    }
    if (target.frontend !== 'node' && this.#isFull()) {
      return refusal(
        503,
        'TooManyPendingTransactions',
        'Too many transactions pending commit on the service.',
      );
    }
    if (target.frontend === 'app' && this.#node.verifiesOnly) {
      const why =
        'This node may only verify: it runs no contract and shows nothing private. Ask another one.';
      return refusal(503, 'NodeHoldsNoSecrets', why);
    }
    if (target.frontend !== 'node' && !isOpen(this.#node, target.frontend)) {
      return refusal(404, 'FrontendNotOpen', 'Frontend is not open.');
    }
    const accepted = this.#node.config.network.rpc_interfaces[session.interface]?.accepted_endpoints;
    if (accepted && !accepted.some((pattern) => new RegExp(`^(?:${pattern})$`).test(target.fullPath))) {
      return empty(503);
    }
    return this.#consistency.refuse(session, replica.raft.view);
  }

  /** Whether another node serves the request; it is answered then, or will be. */
  leadsElsewhere(event: RequestEvent, rule: RoutingRule): boolean {
    const way = this.#routing.route(event, rule);
    if (way === undefined) return false;
    if (way !== 'forwarded') this.#respond(event.id, way);
    return true;
  }

  #isFull(): boolean {
    const bound = this.#node.config.consensus.max_uncommitted_tx_count;
    const { store, raft } = this.#node.replica;
    return bound > 0 && this.#node.replica.isPrimary && store.version - raft.commit >= bound;
  }

  #builtin(event: RequestEvent, target: Target): void {
    const { request } = event;
    if (target.frontend === 'gov' && this.#governance.serves(target.path)) {
      const rule = this.#governance.writes(request.method, target.path) ? primaryOnly : anyNode;
      if (this.leadsElsewhere(event, rule)) return;
      this.#governance.handle(event, target, (_, answer, outcome) => this.finish(event, answer, outcome));
      return;
    }
    if (this.#snapshots.serves(target, request.method)) {
      this.#snapshots.handle(event, target, (answer) => this.#respond(event.id, answer));
      return;
    }
    const router = this.#routes[target.frontend];
    const method = request.method;
    const found = router.find(method, target.path);
    switch (found.kind) {
      case 'found':
        if (this.leadsElsewhere(event, ruleFor(found.value, target))) return;
        this.#run(event, target, found.value.handler, found.params);
        return;
      case 'method-not-allowed':
        this.#respond(event.id, methodAnswer(method, target.path, found.allow));
        return;
      case 'ambiguous':
        this.#respond(event.id, ambiguousAnswer(target.path, found.templates));
        return;
      case 'not-found':
        this.#respond(event.id, refusal(404, 'ResourceNotFound', `Unknown path: ${target.path}.`));
    }
  }

  #run(
    event: RequestEvent,
    target: Target,
    handler: Handler,
    params: Readonly<Record<string, string>>,
    loans = noLoans,
  ): void {
    const { replica } = this.#node;
    for (let attempt = 0; attempt < limits.commitAttemptsMax; attempt++) {
      const tx = replica.store.begin();
      const desk = this.#deskWith(loans);
      const context = this.#contextOf(event, target, { tx, params, desk });
      // An app's routes are looked up in tables, so its answers always have a read version.
      if (target.frontend === 'app') tx.has('public:ccf.gov.endpoints', '');
      const answer = answered(handler, context);
      if (desk.missing.length > 0) {
        tx.discard();
        this.#bringing.bring(event, desk.missing, loans, {
          again: (all) => this.#run(event, target, handler, params, all),
          refused: (refused) => this.#respond(event.id, refused),
        });
        return;
      }
      const outcome = settle(this.#node, tx, answer);
      if (outcome.kind === 'conflict') continue;
      this.finish(
        event,
        answer,
        tx.touched && !(target.frontend !== 'app' && withoutTransactionId.has(target.path))
          ? outcome
          : undefined,
      );
      return;
    }
    this.#respond(event.id, tooManyAttempts());
  }

  /** Parcels lent to a request, and those in memory. */
  #deskWith(loans: Loans): ParcelDesk {
    return new ParcelDesk({ find: (id) => loans.get(id) ?? this.#node.parcels.find(id) });
  }

  #contextOf(
    event: RequestEvent,
    target: Target,
    more: Pick<BuiltinContext, 'tx' | 'params'> & { readonly desk: ParcelDesk },
  ): BuiltinContext {
    const { tx, params, desk } = more;
    const node = this.#node;
    return {
      id: event.id,
      node,
      tx,
      session: event.session,
      request: event.request,
      target,
      params,
      query: new URLSearchParams(target.query),
      viewer: () => node.access.viewerOfRequest(event, node.now),
      shelves: () => new Shelves(node.access.audiences, desk),
    };
  }

  /** Adds transaction id and preference, and answers now or when committed. */
  finish(event: RequestEvent, answer: Answer, outcome: CommitOutcome | undefined): void {
    if (outcome?.kind === 'not-primary') {
      this.#respond(event.id, notReplicated());
      return;
    }
    const txId = outcome?.kind === 'read-only' && isSuccess(answer.status) ? outcome.txId : null;
    const wrote = outcome?.kind === 'committed' ? outcome.txId : null;
    const named = this.#hidesIds(event) ? answer : nameTransaction(answer, wrote ?? txId);
    if (wrote && answer.whenCommitted) {
      if (!this.#holdRead(event, named, wrote)) this.#respond(event.id, tooManyAttempts());
      return;
    }
    if (outcome?.kind === 'committed' && this.#hold(event, named, outcome)) return;
    if (txId && wantsCurrent(event) && this.#holdRead(event, named, txId)) return;
    this.#respond(event.id, named);
  }

  /** Ids count all transactions: where members want that, callers of the app have references only. */
  #hidesIds({ request }: RequestEvent): boolean {
    return this.#node.access.opaqueIds && parseTarget(request.target).frontend === 'app';
  }

  /** A read that is to be current may not show what could still be taken back. */
  #holdRead(event: RequestEvent, answer: Answer, txId: TxId): boolean {
    if (txId.seqno <= this.#node.replica.raft.commit) return false;
    return this.#waiting.add({
      requestId: event.id,
      seqno: txId.seqno,
      txId: formatTxId(txId),
      answer,
      leaf: null,
      deadline: this.#node.now + limits.waitMsMax,
      isRead: true,
    });
  }

  /** Holds the answer back until commit when the caller prefers to wait. */
  #hold(event: RequestEvent, answer: Answer, { txId, entry }: Committed): boolean {
    const prefer = event.request.headers[header.prefer];
    const preference = prefer === undefined ? null : parsePrefer(prefer);
    if (!preference || preference.waitMs === 0) return false;
    return this.#waiting.add({
      requestId: event.id,
      seqno: txId.seqno,
      txId: formatTxId(txId),
      answer,
      leaf: preference.receipt ? leafOf(entry()) : null,
      deadline: this.#node.now + Math.min(preference.waitMs, limits.waitMsMax),
    });
  }
}

function ruleFor({ rule, writesWith }: BuiltinRoute, { query }: Target): RoutingRule {
  return writesWith !== undefined && new URLSearchParams(query).has(writesWith) ? primaryOnly : rule;
}

/** What a handler answers; of no account when it lacked parcels. */
function answered(handler: Handler, context: BuiltinContext): Answer {
  try {
    return handler(context);
  } catch (error) {
    if (error instanceof AccessError && error.code === 'ParcelsAway') return partiesAway();
    throw error;
  }
}

/** Only what a receipt needs: the entry's bytes must not stay in memory with it. */
function leafOf({ writeSetDigest, commitEvidence, claimsDigest }: SealedEntry): LeafComponents {
  return { writeSetDigest, commitEvidence, claimsDigest };
}

export const isSuccess = (status: number): boolean => status >= 200 && status < 300;

/** Commits what a handler wrote if its answer is a success, and forgets it otherwise. */
export function settle(node: NodeView, tx: Tx, answer: Answer): CommitOutcome {
  if (!isSuccess(answer.status)) {
    const { readVersion } = tx;
    tx.discard();
    return { kind: 'read-only', txId: node.replica.txIdAt(readVersion) };
  }
  return node.replica.commit(tx);
}

/** The answer with its transaction id, where it has one. */
export function nameTransaction(answer: Answer, txId: TxId | null): Answer {
  return txId ? withHeader(answer, header.transactionId, formatTxId(txId)) : answer;
}

/** The answer to a method that a path does not have; `OPTIONS` lists those it has. */
export function methodAnswer(method: string, path: string, allow: readonly string[]): Answer {
  const list = allow.join(', ');
  if (method === 'OPTIONS') return empty(204, [[header.allow, list]]);
  const refused = refusal(405, 'UnsupportedHttpVerb', `Allowed methods for '${path}' are: ${list}.`);
  return withHeader(refused, header.allow, list);
}

/** The answer to a path that two templates of an app match. */
export function ambiguousAnswer(path: string, templates: readonly string[]): Answer {
  return refusal(500, 'InternalError', `Multiple potential matches for ${path}: ${templates.join(', ')}.`);
}

/** The answer to a write on a node that is not the primary, or not any more. */
export function notReplicated(): Answer {
  return refusal(503, 'TransactionReplicationFailed', 'Transaction failed to replicate.');
}

/** The answer when other transactions got in the way once too often. */
export function tooManyAttempts(): Answer {
  const message = `Transaction continued to conflict after ${limits.commitAttemptsMax} attempts. Retry later.`;
  return withHeader(refusal(503, 'TransactionCommitAttemptsExceedLimit', message), header.retryAfter, '3');
}
