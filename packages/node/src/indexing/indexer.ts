import { hasAudiences, isOwnTable } from '@coco/access';
import {
  type BatchHost,
  derivingBy,
  HistoryIndex,
  type IndexDeclaration,
  type IndexView,
  type PendingCall,
  RowIndex,
} from '@coco/contracts';
import { sha256Hex } from '@coco/crypto';
import { indexes as indexTable, modules as moduleTable } from '@coco/governance';
import type { Store } from '@coco/kv';
import type { Application } from '../application.ts';
import { limits } from '../limits.ts';
import { HistoryBuilder, type IndexSource, RowsBuilder } from './builder.ts';
import { type Blank, IndexTask } from './index-task.ts';

/** How an index is doing, as `/node/index/strategies` tells it. */
export interface IndexStatus {
  readonly name: string;
  readonly kind: IndexDeclaration['kind'];
  readonly map: string;
  /** The transaction it stands at; absent while it is built for the first time. */
  readonly seqno?: number;
  /** The transaction it takes next; CCF's name for it. */
  readonly next_requested_seqno: number;
  /** While it is built: rows of the map, or entries of the ledger. */
  readonly built?: { readonly done: number; readonly of: number };
  readonly places: number;
  /** What it cannot be built without, and is not there. */
  readonly waits?: string;
  /** Why it was given up. */
  readonly failure?: string;
  /** Rows that could not be indexed, and why the latest could not. */
  readonly skipped?: { readonly count: number; readonly reason: string };
}

/**
 * Keeps the indexes that the installed contract declares: in memory, on this node alone, a bounded piece of work at a
 * time. A bundle that is replaced builds anew the indexes whose declaration or code it changes.
 */
export class Indexer {
  readonly #store: Store;
  readonly #application: Application;
  readonly #source: IndexSource;
  readonly #tasks = new Map<string, IndexTask>();
  readonly #declared = new Map<string, IndexDeclaration>();
  readonly #watched = new Set<string>();
  #isStale = true;

  constructor(store: Store, application: Application, source: IndexSource) {
    this.#store = store;
    this.#application = application;
    this.#source = source;
    const forget = (): void => {
      this.#isStale = true;
    };
    store.onWrite(indexTable.name, forget);
    store.onWrite(moduleTable.name, forget);
    store.onRollback((to) => {
      forget();
      for (const task of this.#tasks.values()) task.rolledBack(to);
    });
  }

  /** An index that the contract declares. */
  open(name: string): IndexView | undefined {
    const task = this.#tasks.get(name);
    return task && { ...task.progress, state: task.index.state };
  }

  /** How every index is doing. */
  status(): readonly IndexStatus[] {
    return [...this.#tasks].map(([name, task]) => {
      const { kind, map } = this.#declared.get(name) as IndexDeclaration;
      const { seqno, built, waits, failure } = task.progress;
      const { skipped, size } = task.index;
      return {
        name,
        kind,
        map,
        ...(seqno === null ? {} : { seqno }),
        next_requested_seqno: (seqno ?? 0) + 1,
        ...(built === null ? {} : { built }),
        places: size,
        ...(waits === undefined ? {} : { waits }),
        ...(failure === undefined ? {} : { failure }),
        ...(skipped.reason === undefined
          ? {}
          : { skipped: { count: skipped.count, reason: skipped.reason } }),
      };
    });
  }

  /** One bounded piece of work. */
  step(): void {
    if (this.#isStale) this.#renew();
    let rows: number = limits.indexRowsPerStep;
    for (const task of this.#tasks.values()) {
      if (rows <= 0) return;
      rows -= task.step(this.#source, rows);
    }
  }

  /** Takes the declarations of the latest bundle; what follows from the same stays. */
  #renew(): void {
    this.#isStale = false;
    const state = this.#store.begin();
    // Rows that have audiences are not for everybody who may ask an index, nor is their number.
    const declared = [...indexTable.entries(state)];
    const present = new Map(declared.filter(([, { map }]) => !hasAudiences(map) && !isOwnTable(map)));
    // A function may call into any module: what derives rows is all of the code.
    const code = present.size === 0 ? '' : digestOf(moduleTable.entries(state));
    for (const name of this.#tasks.keys()) if (!present.has(name)) this.#forget(name);
    for (const [name, declaration] of present) {
      const identity = JSON.stringify([declaration, declaration.kind === 'rows' ? code : '']);
      if (this.#tasks.get(name)?.identity === identity) continue;
      this.#forget(name);
      this.#watch(declaration.map);
      this.#declared.set(name, declaration);
      const blank = () => this.#blank(name, declaration);
      this.#tasks.set(name, new IndexTask(identity, declaration.map, this.#store.version, blank));
    }
    state.discard();
  }

  #forget(name: string): void {
    this.#tasks.delete(name);
    this.#declared.delete(name);
  }

  #blank(name: string, declaration: IndexDeclaration): Blank {
    const { map } = declaration;
    if (declaration.kind === 'history')
      return { index: new HistoryIndex(), builder: new HistoryBuilder(name, map) };
    const derive = derivingBy((calls, host) => this.#execute(calls, host), declaration);
    return { index: new RowIndex(derive), builder: new RowsBuilder(map) };
  }

  /** What cannot be run leaves its calls unsettled: the rows count as skipped. */
  #execute(calls: readonly PendingCall[], host: BatchHost): void {
    if (this.#application.failure !== undefined) return;
    try {
      this.#application.execute(calls, host);
    } catch {
      // The sandbox itself broke: the next call gets a new one.
      this.#application.invalidate();
    }
  }

  #watch(map: string): void {
    if (this.#watched.has(map)) return;
    this.#watched.add(map);
    this.#store.onWrite(map, (version, writes) => {
      for (const task of this.#tasks.values()) if (task.map === map) task.written(version, writes);
    });
  }
}

function digestOf(sources: Iterable<readonly [key: string, source: string]>): string {
  return sha256Hex(new TextEncoder().encode(JSON.stringify([...sources])));
}
