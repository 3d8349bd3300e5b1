import { after } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { byteStringToUtf8, Store, type Tx, utf8ToByteString } from '@coco/kv';
import type {
  AccessRule,
  App,
  AppWorld,
  Call,
  CallRequest,
  Engine,
  EvaluationResult,
  EvaluationWorld,
  HostFunctions,
  HostValue,
  Outcome,
  RuntimeOptions,
} from '../index.ts';
import { createEngine, requiredV8Flags } from '../index.ts';

for (const flag of requiredV8Flags) setFlagsFromString(flag);

/** A rule like that of the service, as far as apps are concerned. */
export const appAccess: AccessRule = (name, context) => {
  if (/^(public:)?ccf\./.test(name)) {
    if (/^public:ccf\.(gov|internal)\./.test(name)) return 'read-only';
    return /^ccf\.(gov|internal)\./.test(name) ? 'none' : 'reserved';
  }
  return context === 'read-only application' ? 'read-only' : 'read-write';
};

/** A world in which nothing has happened. */
export const emptyWorld: AppWorld = {
  consensus: {
    lastCommitted: () => ({ view: 2, seqno: 7 }),
    statusOf: ({ seqno }) => (seqno <= 7 ? 'Committed' : 'Unknown'),
    viewOf: (seqno) => (seqno <= 7 ? 2 : null),
  },
  historical: { stateRange: () => null, drop: () => false },
  random: (length) => crypto.getRandomValues(new Uint8Array(length)),
  access: appAccess,
};

/** What a test says of a call; the rest is made up. */
export type CallSketch = Partial<Omit<Call, 'request'>> & {
  readonly request?: Partial<CallRequest>;
  readonly body?: unknown;
};

/** The whole call that a sketch means. `body` is sent as JSON. */
export function callOf(exported: string, { request, body, ...call }: CallSketch = {}): Call {
  return {
    module: '/app.js',
    export: exported,
    mode: 'readwrite',
    now: 1_700_000_000_000,
    ...call,
    request: {
      headers: { host: 'ledger.example' },
      query: '',
      path: '/app/test',
      url: '/app/test',
      route: '/app/test',
      method: 'POST',
      hostname: 'ledger.example',
      params: {},
      body: body === undefined ? '' : utf8ToByteString(JSON.stringify(body)),
      caller: null,
      ...request,
    },
  };
}

/** An app on a store, as a node would have it: writes of successful calls are committed. */
export class Stage implements Disposable {
  readonly store = new Store();
  readonly engine: Engine;
  readonly app: App;
  readonly world: AppWorld;
  /** Indexes of calls in the order in which transactions were begun. */
  readonly begun: number[] = [];

  constructor(
    source: string | Readonly<Record<string, string>>,
    options?: RuntimeOptions,
    world = emptyWorld,
  ) {
    const modules = typeof source === 'string' ? { '/app.js': source } : source;
    this.engine = createEngine();
    this.app = this.engine.install(new Map(Object.entries(modules)), options);
    this.world = world;
  }

  run(calls: readonly Call[]): Outcome[] {
    const outcomes: Outcome[] = [];
    let tx: Tx | undefined;
    this.app.execute(calls, {
      world: this.world,
      begin: (index) => {
        this.begun.push(index);
        tx = this.store.begin();
        return tx;
      },
      settle: (index, outcome) => {
        if (index !== outcomes.length) throw new Error(`call ${index} was settled out of order`);
        outcomes.push(outcome);
        const isSuccess = outcome.kind === 'response' && outcome.status < 300;
        const applies = outcome.kind === 'response' && (outcome.applyWrites ?? isSuccess);
        if (applies) tx?.commit();
        else tx?.discard();
      },
    });
    return outcomes;
  }

  call(exported: string, sketch?: CallSketch): Outcome {
    return this.run([callOf(exported, sketch)])[0] as Outcome;
  }

  /** The JSON of a response that must succeed. */
  json(exported: string, sketch?: CallSketch): unknown {
    return jsonOf(this.call(exported, sketch));
  }

  [Symbol.dispose](): void {
    this.app[Symbol.dispose]();
    this.engine[Symbol.dispose]();
  }
}

/** A stage for all tests of a suite. */
export function staged(...parts: ConstructorParameters<typeof Stage>): Stage {
  const stage = new Stage(...parts);
  after(() => stage[Symbol.dispose]());
  return stage;
}

/** The text of a response's body. Throws for a failure, with what it says. */
export function textOf(outcome: Outcome): string {
  if (outcome.kind === 'response') return byteStringToUtf8(outcome.body);
  throw new Error(`${outcome.message} ${outcome.detail?.reason ?? ''} ${outcome.detail?.trace ?? ''}`);
}

/** The JSON of a response's body. Throws for a failure. */
export function jsonOf(outcome: Outcome): unknown {
  const text = textOf(outcome);
  return text === '' ? undefined : JSON.parse(text);
}

/** Why a call failed. Throws if it did not. */
export function reasonOf(outcome: Outcome): string {
  if (outcome.kind === 'failed') return outcome.detail?.reason ?? outcome.message;
  throw new Error(`the call succeeded: ${outcome.status} ${outcome.body}`);
}

/** Evaluates one governance module over a store. */
export function evaluate(
  engine: Engine,
  source: string,
  exported: string,
  args: readonly HostValue[] = [],
  more: { store?: Store; functions?: HostFunctions; access?: EvaluationWorld['access'] } = {},
): EvaluationResult {
  const tx = (more.store ?? new Store()).begin();
  const world: EvaluationWorld = {
    tx,
    access: more.access ?? (() => 'read-write'),
    context: 'read-write governance',
    functions: more.functions ?? {},
    now: 1_700_000_000_000,
    random: emptyWorld.random,
  };
  const result = engine.evaluate(
    { modules: new Map([['/constitution.js', source]]), entry: '/constitution.js' },
    exported,
    args,
    world,
  );
  tx.commit();
  return result;
}
