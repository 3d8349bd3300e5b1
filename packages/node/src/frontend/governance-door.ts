import { header } from '@coco/api';
import type { Engine } from '@coco/contracts';
import {
  type GovContext,
  type GovEndpoint,
  GovernanceError,
  type GovernanceWorld,
  type GovResponse,
  govEndpoints,
  memberInfos,
  type Obstacle,
  obstacleText,
  openProposals,
  reconsider,
} from '@coco/governance';
import type { Tx } from '@coco/kv';
import type { GovernanceActions } from '../actions.ts';
import { type NodeView, statusOf } from '../endpoints/context.ts';
import { limits } from '../limits.ts';
import type { Outbox } from '../outbox.ts';
import type { CommitOutcome } from '../replica.ts';
import type { Errand } from '../undo/errand.ts';
import { type Answer, refusal, withHeader } from './answer.ts';
import type { Authentication } from './authentication.ts';
import { type Finish, isSuccess, methodAnswer, type RequestEvent, tooManyAttempts } from './pipeline.ts';
import { Router } from './router.ts';
import type { Target } from './target.ts';

/** The governance interface: signed envelopes in, one transaction each, effects only if it commits. */
export class GovernanceDoor {
  readonly #node: NodeView;
  readonly #engine: Engine;
  readonly #authentication: Authentication;
  readonly #actions: GovernanceActions;
  readonly #outbox: Outbox;
  readonly #random: (bytes: number) => Uint8Array;
  readonly #router = new Router<GovEndpoint>();
  #membersChanged = false;
  /** By the open proposals that wait for what they fetch and store. */
  readonly #errands = new Map<string, Errand>();
  /** When to look again at open proposals that could not be decided yet; undefined when there are none. */
  #reconsiderAt: number | undefined;

  constructor(parts: {
    readonly node: NodeView;
    readonly engine: Engine;
    readonly authentication: Authentication;
    readonly actions: GovernanceActions;
    readonly outbox: Outbox;
    readonly random: (bytes: number) => Uint8Array;
  }) {
    this.#node = parts.node;
    this.#engine = parts.engine;
    this.#authentication = parts.authentication;
    this.#actions = parts.actions;
    this.#outbox = parts.outbox;
    this.#random = parts.random;
    this.#node.replica.store.onWrite(memberInfos.name, () => {
      this.#membersChanged = true;
    });
    for (const endpoint of govEndpoints)
      this.#router.add(endpoint.method, endpoint.path.slice('/gov'.length), endpoint);
  }

  /** Whether governance has this path, with whatever method. */
  serves(path: string): boolean {
    return this.#router.find('', path).kind !== 'not-found';
  }

  /** Whether this endpoint may write, and so is the primary's to serve. */
  writes(method: string, path: string): boolean {
    const found = this.#router.find(method, path);
    return found.kind === 'found' && found.value.mode === 'readwrite';
  }

  handle(event: RequestEvent, target: Target, finish: Finish): void {
    const found = this.#router.find(event.request.method, target.path);
    if (found.kind === 'method-not-allowed') {
      finish(event, methodAnswer(event.request.method, target.path, found.allow), undefined);
    } else if (found.kind === 'found') {
      this.#run(event, target, found.value, found.params, finish);
    }
  }

  #run(
    event: RequestEvent,
    target: Target,
    endpoint: GovEndpoint,
    params: Readonly<Record<string, string>>,
    finish: Finish,
    errand = this.#node.undo.errand(),
  ): void {
    for (let attempt = 0; attempt < limits.commitAttemptsMax; attempt++) {
      const tx = this.#node.replica.store.begin();
      const authenticated = this.#authentication.authenticate(endpoint.auth, event, this.#node.now, tx);
      if ('refusal' in authenticated) {
        tx.discard();
        finish(event, authenticated.refusal, undefined);
        return;
      }
      const response = this.#call(
        event,
        target,
        endpoint,
        params,
        tx,
        authenticated.caller as NonNullable<GovContext['caller']> | null,
        errand,
      );
      if (errand.isOpen) {
        this.#settle(tx, { status: response.status, applyWrites: false });
        errand.run(() => this.#run(event, target, endpoint, params, finish, errand));
        return;
      }
      const outcome = this.#settle(tx, response);
      if (outcome.kind === 'conflict') continue;
      finish(event, response, tx.touched ? outcome : undefined);
      if (outcome.kind === 'committed' && this.#membersChanged) this.#reconsider();
      return;
    }
    finish(event, tooManyAttempts(), undefined);
  }

  /**
   * Who votes has changed: what is open may be decided by the ballots that are there, each in a transaction of its
   * own. What is decided so may change the members again; every round closes a proposal, so there is a last one.
   */
  #reconsider(): void {
    const { replica } = this.#node;
    while (this.#membersChanged) {
      this.#membersChanged = false;
      this.#reconsiderAt = undefined;
      for (const id of openProposals(replica.store.begin())) {
        const tx = replica.store.begin();
        if (this.#resolves(tx, id)) this.#actions.commit(tx);
        else {
          this.#actions.discard(tx);
          tx.discard();
        }
      }
    }
  }

  /** Looks again at what had to wait for the ledger to be read. */
  step(): void {
    if (this.#reconsiderAt === undefined || this.#node.now < this.#reconsiderAt) return;
    this.#reconsiderAt = undefined;
    if (!this.#node.replica.isPrimary) return;
    this.#membersChanged = true;
    this.#reconsider();
  }

  #resolves(tx: Tx, id: string): boolean {
    const errand = this.#errands.get(id) ?? this.#node.undo.errand();
    const resolution = reconsider(tx, this.#world(errand), id);
    if (errand.isOpen) {
      this.#errands.set(id, errand);
      errand.run(() => {
        this.#reconsiderAt = this.#node.now;
      });
      return false;
    }
    this.#errands.delete(id);
    if (this.#node.undo.obstacle) {
      this.#reconsiderAt = this.#node.now + limits.undoRetryMs;
      return false;
    }
    if (resolution?.kind !== 'standing') return false;
    try {
      this.#actions.prepare(tx);
      return true;
    } catch (error) {
      if (!(error instanceof GovernanceError)) throw error;
      this.#outbox.log('fail', `Proposal ${id}: ${error.message}`, 'governance');
      return false;
    }
  }

  #call(
    event: RequestEvent,
    target: Target,
    endpoint: GovEndpoint,
    params: Readonly<Record<string, string>>,
    tx: Tx,
    caller: NonNullable<GovContext['caller']> | null,
    errand: Errand,
  ): Answer & { readonly applyWrites?: boolean } {
    const context: GovContext = {
      tx,
      request: {
        method: event.request.method,
        path: target.fullPath,
        params,
        query: new URLSearchParams(target.query),
        headers: event.request.headers,
        body: event.request.body,
      },
      ...(caller ? { caller } : {}),
      world: this.#world(errand),
    };
    try {
      const response = endpoint.handle(context) satisfies GovResponse;
      const { obstacle } = this.#node.undo;
      if (obstacle && response.status !== 202) return undoNotReady(obstacle);
      if (applies(response)) this.#actions.prepare(tx);
      return response;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#outbox.log('fail', `${endpoint.method} ${endpoint.path}: ${message}`, 'governance');
      return refusal(500, 'InternalError', message);
    }
  }

  #settle(tx: Tx, response: { readonly status: number; readonly applyWrites?: boolean }): CommitOutcome {
    const { replica } = this.#node;
    if (!applies(response)) {
      this.#actions.discard(tx);
      tx.discard();
      return { kind: 'read-only', txId: replica.txIdAt(tx.readVersion) };
    }
    return this.#actions.commit(tx);
  }

  #world(errand: Errand): GovernanceWorld {
    const { replica } = this.#node;
    return {
      engine: this.#engine,
      node: this.#actions,
      now: this.#node.now,
      random: this.#random,
      merkleRoot: () => replica.history.root(),
      statusOf: (txId) => statusOf(replica, txId),
      lastCommitted: () => replica.committed ?? { view: 0, seqno: 0 },
      viewOf: (seqno) => (seqno > 0 && seqno <= replica.store.version ? replica.viewAt(seqno) : null),
      log: (level, message) => this.#outbox.log(level, message, 'governance'),
      undo: this.#node.undo.planning(errand),
    };
  }
}

function applies(response: { readonly status: number; readonly applyWrites?: boolean }): boolean {
  return response.applyWrites ?? isSuccess(response.status);
}

/** Whatever the constitution made of it: an outcome may not hang on what this node has read already. */
function undoNotReady(obstacle: Obstacle): Answer {
  return withHeader(refusal(503, 'UndoNotReady', obstacleText(obstacle)), header.retryAfter, '1');
}
