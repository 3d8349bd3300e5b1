import type { App, BatchHost, Engine, PendingCall } from '@coco/contracts';
import {
  type EndpointProperties,
  endpoints as endpointTable,
  interpreterFlush,
  modules as moduleTable,
  type Pause,
  pauses,
  runtimeOptions,
} from '@coco/governance';
import type { Store } from '@coco/kv';
import { Router } from './frontend/router.ts';
import type { Outbox } from './outbox.ts';

/** An endpoint that a contract declares. */
export interface AppEndpoint {
  readonly method: string;
  /** Template within the app frontend: `/log/{id}`. */
  readonly template: string;
  readonly properties: EndpointProperties;
}

/** The app that governance has installed: its routes at once, its code when first called. */
export class Application {
  readonly #engine: Engine;
  readonly #store: Store;
  readonly #outbox: Outbox;
  #router: Router<AppEndpoint> | undefined;
  #endpoints: AppEndpoint[] = [];
  #installed: App | undefined;
  #failure: string | undefined;
  #disclosure: { readonly toCaller: boolean; readonly toLog: boolean } | undefined;
  #recordsReads: boolean | undefined;
  #pauses: ReadonlyMap<string, Pause> | undefined;

  constructor(engine: Engine, store: Store, outbox: Outbox) {
    this.#engine = engine;
    this.#store = store;
    this.#outbox = outbox;
    for (const table of [endpointTable, moduleTable, runtimeOptions, interpreterFlush]) {
      store.onWrite(table.name, () => this.invalidate());
    }
    store.onWrite(pauses.name, () => {
      this.#pauses = undefined;
    });
    store.onRollback(() => this.invalidate());
  }

  /** Forgets routes and code; the next request reads them from the tables again. */
  invalidate(): void {
    this.#router = undefined;
    this.#installed?.[Symbol.dispose]();
    this.#installed = undefined;
    this.#failure = undefined;
    this.#disclosure = undefined;
    this.#recordsReads = undefined;
    this.#pauses = undefined;
  }

  get router(): Router<AppEndpoint> {
    if (!this.#router) {
      const router = new Router<AppEndpoint>();
      this.#endpoints = [];
      for (const [key, properties] of endpointTable.entries(this.#store.begin())) {
        const space = key.indexOf(' ');
        const endpoint = { method: key.slice(0, space), template: key.slice(space + 1), properties };
        router.add(endpoint.method, endpoint.template, endpoint);
        this.#endpoints.push(endpoint);
      }
      this.#router = router;
    }
    return this.#router;
  }

  /** Every endpoint of the app, for the OpenAPI document. */
  get endpoints(): readonly AppEndpoint[] {
    return this.router && this.#endpoints;
  }

  /** Whether callers, and the log, are told what a contract threw. Nobody is, unless members voted so. */
  get disclosure(): { readonly toCaller: boolean; readonly toLog: boolean } {
    if (!this.#disclosure) {
      const options = runtimeOptions.get(this.#store.begin());
      this.#disclosure = {
        toCaller: options?.return_exception_details === true,
        toLog: options?.log_exception_details === true,
      };
    }
    return this.#disclosure;
  }

  /** Whether what transactions read goes into the ledger with what they write; unless members voted it off. */
  get recordsReads(): boolean {
    this.#recordsReads ??= runtimeOptions.get(this.#store.begin())?.record_reads !== false;
    return this.#recordsReads;
  }

  /** Why an endpoint takes no writes for now; undefined when it does. */
  pauseOf({ method, template }: AppEndpoint): Pause | undefined {
    this.#pauses ??= new Map(pauses.entries(this.#store.begin()));
    if (this.#pauses.size === 0) return undefined;
    return this.#pauses.get(`${method} ${template}`) ?? this.#pauses.get('*');
  }

  /** Why the installed app cannot run, if it cannot. */
  get failure(): string | undefined {
    this.#install();
    return this.#failure;
  }

  /** Runs a batch of calls in order; see `App.execute`. */
  execute(calls: readonly PendingCall[], host: BatchHost): void {
    const app = this.#install();
    if (!app) throw new Error('the app cannot run: ask `failure` first');
    app.execute(calls, host);
  }

  #install(): App | undefined {
    if (this.#installed || this.#failure !== undefined) return this.#installed;
    const tx = this.#store.begin();
    try {
      this.#installed = this.#engine.install(new Map(moduleTable.entries(tx)), runtimeOptions.get(tx));
    } catch (error) {
      this.#failure = error instanceof Error ? error.message : String(error);
      this.#outbox.log('fail', `The installed app cannot run: ${this.#failure}`, 'app');
    }
    return this.#installed;
  }
}
