import { AccessError, type CallAccess, type ParcelId, type ParcelName, type Segment } from '@coco/access';
import { header } from '@coco/api';
import type { AppWorld, BatchHost, CallRequest, Outcome, PendingCall } from '@coco/contracts';
import { type Caller, type Pause, recordReads, transactionTime } from '@coco/governance';
import { bytesToByteString, type Tx } from '@coco/kv';
import type { TxId } from '@coco/ledger';
import type { AppEndpoint } from '../application.ts';
import type { LogLevel } from '../effect.ts';
import type { NodeView } from '../endpoints/context.ts';
import { pastState } from '../endpoints/transactions.ts';
import type { Session } from '../event.ts';
import { limits } from '../limits.ts';
import type { Outbox } from '../outbox.ts';
import type { CommitOutcome } from '../replica.ts';
import { type Answer, refusal, withHeader } from './answer.ts';
import { shownToApp } from './app-world.ts';
import type { Authentication } from './authentication.ts';
import { Bringing, type Loans, noLoans, partiesAway, primaryNotOfParties } from './bringing.ts';
import {
  ambiguousAnswer,
  type Finish,
  isSuccess,
  methodAnswer,
  type RequestEvent,
  tooManyAttempts,
} from './pipeline.ts';
import type { RoutingRule } from './routing.ts';
import { decodeQuery, type Target } from './target.ts';

interface GatheredCall extends PendingCall {
  readonly endpoint: AppEndpoint;
  readonly caller: Caller | null;
  readonly event: RequestEvent;
  readonly attempts: number;
  /** Parcels that were brought for it. */
  readonly loans: Loans;
}

/** A call that was run and is to count. */
interface Ran {
  readonly call: GatheredCall;
  readonly tx: Tx;
  readonly access: CallAccess | undefined;
  readonly outcome: Extract<Outcome, { kind: 'response' }>;
  readonly answer: Answer;
  readonly end: (given: Answer, committed: CommitOutcome | undefined) => void;
}

/** Gathers calls of the installed contract and runs them as one batch. */
export class AppCalls {
  readonly #node: NodeView;
  readonly #authentication: Authentication;
  readonly #world: AppWorld;
  readonly #outbox: Outbox;
  readonly #finish: Finish;
  readonly #leadsElsewhere: (event: RequestEvent, rule: RoutingRule) => boolean;
  readonly #bringing: Bringing;
  #calls: GatheredCall[] = [];
  #isRunning = false;
  /** Endpoints whose code has named audiences. */
  readonly #namesAudiences = new WeakSet<AppEndpoint>();

  constructor(parts: {
    readonly node: NodeView;
    readonly authentication: Authentication;
    readonly world: AppWorld;
    readonly outbox: Outbox;
    readonly finish: Finish;
    readonly leadsElsewhere: (event: RequestEvent, rule: RoutingRule) => boolean;
  }) {
    this.#node = parts.node;
    this.#authentication = parts.authentication;
    this.#world = parts.world;
    this.#outbox = parts.outbox;
    this.#finish = parts.finish;
    this.#leadsElsewhere = parts.leadsElsewhere;
    this.#bringing = new Bringing(parts.node, parts.leadsElsewhere);
  }

  /** Whether a call of this session waits to be run. */
  holds(session: Session): boolean {
    return this.#calls.some((call) => call.event.session === session);
  }

  /** Takes a request that is for the contract, and answers false for one that is not. */
  offer(event: RequestEvent, target: Target): boolean {
    const found = this.#node.application.router.find(event.request.method, target.path);
    switch (found.kind) {
      case 'found':
        this.#gather(event, target, found.value, found.params);
        return true;
      case 'ambiguous':
        this.#finish(event, ambiguousAnswer(target.path, found.templates), undefined);
        return true;
      case 'method-not-allowed':
        this.#finish(event, methodAnswer(event.request.method, target.path, found.allow), undefined);
        return true;
      case 'not-found':
        return false;
    }
  }

  /** Runs what has gathered. */
  run(): void {
    this.#isRunning = true;
    while (this.#calls.length > 0) {
      const calls = this.#calls;
      this.#calls = [];
      const { failure } = this.#node.application;
      if (failure === undefined) this.#execute(calls);
      else
        for (const { event } of calls) this.#finish(event, refusal(500, 'InternalError', failure), undefined);
    }
    this.#isRunning = false;
  }

  #gather(
    event: RequestEvent,
    target: Target,
    endpoint: AppEndpoint,
    params: Readonly<Record<string, string>>,
  ): void {
    const { properties } = endpoint;
    const { forwarding_required: forwarding, redirection_strategy: redirection = 'to_primary' } = properties;
    if (this.#leadsElsewhere(event, { forwarding, redirection })) return;
    const authenticated = this.#authentication.authenticate(properties.authn_policies, event, this.#node.now);
    if ('refusal' in authenticated) {
      const call = { at: this.#node.now, method: event.request.method, path: target.fullPath };
      this.#node.contractLog.note(call, authenticated.refusal.status, undefined, undefined);
      this.#finish(event, authenticated.refusal, undefined);
      return;
    }
    const pause = properties.mode === 'readwrite' ? this.#node.application.pauseOf(endpoint) : undefined;
    if (pause) {
      this.#finish(event, pausedAnswer(endpoint, pause), undefined);
      return;
    }
    const past =
      properties.mode === 'historical'
        ? pastState(this.#node, event.request.headers[header.transactionId], () =>
            this.#node.access.viewerOf(authenticated.caller),
          )
        : undefined;
    if (past && 'status' in past) {
      this.#finish(event, past, undefined);
      return;
    }
    this.#calls.push({
      module: properties.js_module,
      export: properties.js_function,
      mode: properties.mode,
      request: callRequest(event, target, endpoint, params, authenticated.caller),
      now: this.#node.now,
      ...(past ? { historical: shownToApp(past) } : {}),
      ...(properties.interpreter_reuse ? { reuseKey: properties.interpreter_reuse.key } : {}),
      endpoint,
      caller: authenticated.caller,
      event,
      attempts: 0,
      loans: noLoans,
    });
  }

  #execute(calls: readonly GatheredCall[]): void {
    let tx: Tx | undefined;
    let access: CallAccess | undefined;
    let settled = 0;
    let fault: { readonly error: unknown } | undefined;
    const host: BatchHost = {
      world: this.#world,
      begin: () => {
        tx?.discard();
        tx = this.#node.replica.store.begin();
        access = undefined;
        return tx;
      },
      access: (index) => {
        const call = calls[index];
        if (!tx || !call) throw new Error('a call asks for audiences before its transaction has begun');
        if (!access) {
          access = this.#begin(call, tx);
          this.#namesAudiences.add(call.endpoint);
        }
        return access;
      },
      settle: (index, outcome) => {
        const call = calls[index];
        // A call that never began (its module is not there) has nothing to commit.
        const own = tx ?? this.#node.replica.store.begin();
        tx = undefined;
        settled = index + 1;
        try {
          if (call) this.#settle(call, own, access, outcome);
        } catch (error) {
          fault = { error };
          throw error;
        }
      },
    };
    try {
      this.#node.application.execute(calls, host);
    } catch (error) {
      // A broken assertion of our own must stop the process.
      if (fault) throw fault.error;
      // The sandbox itself broke: whoever was not answered is told so, and the next call gets a new sandbox.
      tx?.discard();
      this.#outbox.log(
        'fatal',
        `The contract engine failed: ${error instanceof Error ? error.message : error}`,
        'app',
      );
      this.#node.application.invalidate();
      for (const { event } of calls.slice(settled)) {
        this.#finish(event, refusal(500, 'InternalError', 'Exception thrown while executing.'), undefined);
      }
    }
  }

  #settle(call: GatheredCall, tx: Tx, access: CallAccess | undefined, outcome: Outcome): void {
    const answer = answerOf(outcome, this.#node.application.disclosure.toCaller);
    // What is private is for its audience: those who may read the contract's log need not be of it.
    const isPrivate = access !== undefined || this.#isPrivateByRule(call) || this.#endedUnsaid(call, outcome);
    const end = (given: Answer, committed: CommitOutcome | undefined): void => {
      if (!isPrivate) this.#note(call, outcome, given.status, committed);
      this.#finish(call.event, given, committed);
    };
    if (access && access.missing.length > 0) {
      tx.discard();
      this.#bring(call, access.missing, end);
      return;
    }
    const applies = outcome.kind === 'response' && (outcome.applyWrites ?? isSuccess(answer.status));
    if (!applies) {
      const txId = this.#node.replica.txIdAt(tx.readVersion);
      tx.discard();
      end(answer, isSuccess(answer.status) ? { kind: 'read-only', txId } : undefined);
      return;
    }
    const side = access ?? (this.#isPrivateByRule(call) ? this.#begin(call, tx) : undefined);
    this.#store({ call, tx, access: side, outcome, answer, end });
  }

  /** Runs a call again once what it lacks is there. */
  #bring(call: GatheredCall, missing: readonly ParcelName[], end: Ran['end']): void {
    this.#bringing.bring(call.event, missing, call.loans, {
      again: (loans) => this.#again({ ...call, loans }, end),
      refused: (answer) => end(answer, undefined),
    });
  }

  /** What the transaction put into parcels has to be stored before it may be in the ledger. */
  #store(ran: Ran): void {
    const { call, tx, access, end } = ran;
    if (!access) {
      this.#commit(ran);
      return;
    }
    const parcels = this.#guarded(call, tx, end, () => access.pack());
    if (parcels === 'refused') return;
    if (access.missing.length > 0) {
      tx.discard();
      this.#bring(call, access.missing, end);
      return;
    }
    if (parcels.length === 0 || !this.#node.replica.isPrimary) {
      this.#commit(ran);
      return;
    }
    const segments = parcels.map(({ segment }) => segment);
    if (this.#node.parcels.isWithheld(segments, (segment) => access.audienceOf(segment))) {
      tx.discard();
      end(primaryNotOfParties(), undefined);
      return;
    }
    const readersOf = (segment: Segment) => access.readersOf(segment);
    this.#node.parcels.deposit(parcels, readersOf, (isStored) => {
      if (isStored && this.#commit(ran)) return;
      this.#node.parcels.withdraw(parcels, readersOf);
      if (isStored) return;
      tx.discard();
      end(partiesAway(), undefined);
    });
  }

  /** Answers false when nothing came of the transaction; the call is then answered, or run again. */
  #commit({ call, tx, access, outcome, answer, end }: Ran): boolean {
    const recorded = access && this.#guarded(call, tx, end, () => this.#record(call, access));
    if (recorded === 'refused') return false;
    const claimsDigest = recorded?.claimsDigest ?? outcome.claimsDigest;
    const reference = recorded ? recorded.reference : this.#referenceOf(tx);
    const named =
      reference === undefined ? answer : withHeader(answer, header.transactionReference, reference);
    // With it the same code, run again, does the same.
    if (outcome.sawTime && tx.wrote) transactionTime.set(tx, call.now);
    // What it saw of the past is in no read set: that it read this and that alone must not be said.
    if (this.#node.application.recordsReads && !outcome.sawPast) recordReads(tx);
    if (recorded) this.#node.cover.pad(tx);
    const committed = this.#node.replica.commit(tx, { claimsDigest });
    if (committed.kind === 'conflict') this.#again(call, end);
    else end(named, committed);
    return committed.kind !== 'conflict' && committed.kind !== 'not-primary';
  }

  #record({ endpoint }: GatheredCall, access: CallAccess): ReturnType<CallAccess['record']> {
    return access.record(this.#place, this.#node.now, `${endpoint.method} ${endpoint.template}`);
  }

  /** Where ids are hidden, callers know what is private to nobody by references as well. */
  #referenceOf(tx: Tx): string | undefined {
    const { access } = this.#node;
    return access.opaqueIds && tx.wrote ? access.nameFor(tx, this.#place) : undefined;
  }

  /** Of the transaction that is committed next. */
  get #place(): TxId {
    const { replica } = this.#node;
    return { view: replica.raft.view, seqno: replica.nextSeqno };
  }

  #again(call: GatheredCall, end: Ran['end']): void {
    if (call.attempts + 1 >= limits.commitAttemptsMax) end(tooManyAttempts(), undefined);
    else this.#calls.push({ ...call, attempts: call.attempts + 1 });
    // Otherwise whoever runs the calls sees to this one too.
    if (!this.#isRunning) this.run();
  }

  /** Whether a limit ended a call that may have named an audience: the host would have heard of it at the end. */
  #endedUnsaid({ endpoint }: GatheredCall, outcome: Outcome): boolean {
    return outcome.kind === 'failed' && outcome.limit !== undefined && this.#namesAudiences.has(endpoint);
  }

  /** What the private side has to refuse at the end of a call is for the log; the caller learns that it failed. */
  #guarded<T>(call: GatheredCall, tx: Tx, end: Ran['end'], work: () => T): T | 'refused' {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof AccessError)) throw error;
      const { method, route } = call.request;
      this.#outbox.log('fail', `${method} ${route}: ${error.message}`, 'app');
      tx.discard();
      end(refusal(500, 'InternalError', 'Exception thrown while executing.'), undefined);
      return 'refused';
    }
  }

  #isPrivateByRule({ endpoint }: GatheredCall): boolean {
    return this.#node.access.ruleOf(endpoint).audience !== undefined;
  }

  #begin({ endpoint, caller, loans }: GatheredCall, tx: Tx): CallAccess {
    const { access, parcels } = this.#node;
    const atHand = { find: (id: ParcelId) => loans.get(id) ?? parcels.find(id) };
    return access.beginCall(tx, { endpoint, caller, parcels: atHand });
  }

  /** Notes a call whose last attempt has ended. */
  #note(call: GatheredCall, outcome: Outcome, status: number, committed: CommitOutcome | undefined): void {
    const txId = committed?.kind === 'committed' ? committed.txId : undefined;
    const { method, path } = call.request;
    this.#node.contractLog.note({ at: call.now, method, path }, status, outcome, txId);
    if (this.#node.application.disclosure.toLog) this.#log(call, outcome);
  }

  /** To the node's own log, which its operator reads: only if members said so. */
  #log(call: GatheredCall, outcome: Outcome): void {
    const say = (level: LogLevel, text: string): void =>
      this.#outbox.log(level, `${call.request.method} ${call.request.route}: ${text}`, 'app');
    if (outcome.kind === 'failed' && outcome.detail) {
      const { reason, trace } = outcome.detail;
      say('fail', `${reason}${trace ? `\n${trace}` : ''}`);
    }
    for (const { level, text } of outcome.log.slice(0, limits.logLinesPerCallMax)) {
      say(level === 'error' ? 'fatal' : level === 'warn' ? 'fail' : 'info', text);
    }
  }
}

function pausedAnswer({ method, template }: AppEndpoint, { reason }: Pause): Answer {
  const why = reason === undefined ? '' : ` They say: ${reason}`;
  const message = `Members have paused the writes of ${method} /app${template}; reads go on.${why}`;
  return refusal(503, 'EndpointPaused', message);
}

function callRequest(
  { request }: RequestEvent,
  target: Target,
  endpoint: AppEndpoint,
  params: Readonly<Record<string, string>>,
  caller: Caller | null,
): CallRequest {
  const query = decodeQuery(target.query);
  return {
    headers: request.headers,
    query,
    path: target.fullPath,
    url: query === '' ? target.fullPath : `${target.fullPath}?${query}`,
    route: `/app${endpoint.template}`,
    method: request.method,
    hostname: request.headers.host ?? null,
    params,
    body: bytesToByteString(request.body),
    caller,
  };
}

function answerOf(outcome: Outcome, disclose: boolean): Answer {
  if (outcome.kind === 'response') {
    return { status: outcome.status, headers: outcome.headers, body: outcome.body };
  }
  const detail = disclose ? outcome.detail : undefined;
  const details = detail && [
    {
      code: 'JSException' as const,
      message: detail.reason,
      ...(detail.trace ? { trace: detail.trace } : {}),
    },
  ];
  return refusal(500, 'InternalError', outcome.message, details);
}
