import { createEngine, type Engine, type EvaluationWorld } from '@coco/contracts';
import { Store } from '@coco/kv';
import type { Bundle } from './bundle.ts';
import { BuildError } from './errors.ts';

/** What a declared contract says of itself. */
export interface Description {
  readonly metadata: Bundle['metadata'];
  readonly openApi: Readonly<Record<string, unknown>>;
  /** Route by the name of the function that answers it. */
  readonly routes: Readonly<Record<string, string>>;
  /** Index by the name of the function that derives its rows. */
  readonly derivations: Readonly<Record<string, string>>;
  /** Names of compensations, which their functions have too. */
  readonly compensations: readonly string[];
}

/** Key of the only module of a declared contract. */
export const declaredModule = 'app.js';

/**
 * Source of the module that is evaluated to learn what a contract declares. `quoted` names are literals: the
 * contract's file and the SDK.
 */
export function describingSource(appFile: string): string {
  return [
    `import * as contract from ${JSON.stringify(appFile)};`,
    `import { derivingFunction, metadataOf, openApiOf } from ${sdk};`,
    'export function describe() {',
    '  const { app } = contract;',
    "  if (app?.kind !== 'coco-app') return null;",
    '  return {',
    `    metadata: metadataOf(app, ${JSON.stringify(declaredModule)}),`,
    '    openApi: openApiOf(app),',
    '    routes: Object.fromEntries([...app.endpoints].map(([route, { exported }]) => [exported, route])),',
    "    derivations: Object.fromEntries([...app.indexes.values()].filter(({ kind }) => kind === 'rows')",
    '      .map(({ name }) => [derivingFunction(name), name])),',
    '    compensations: [...app.compensations.keys()],',
    '  };',
    '}',
  ].join('\n');
}

/** Source of the module that is deployed: one exported function per endpoint, index that is derived and compensation. */
export function servingSource(
  appFile: string,
  { compensations, derivations, routes }: Pick<Description, 'compensations' | 'derivations' | 'routes'>,
): string {
  const functions = Object.entries(routes).map(
    ([name, route]) => `export const ${name} = serve(app, ${JSON.stringify(route)});`,
  );
  const derived = Object.entries(derivations).map(
    ([name, index]) => `export const ${name} = derive(app, ${JSON.stringify(index)});`,
  );
  // Their names are the author's own: none may meet another name of this module.
  const madeUp = compensations.map(
    (name, i) =>
      `const compensation${i} = makeUp(app, ${JSON.stringify(name)});\nexport { compensation${i} as ${name} };`,
  );
  return [
    `import { app } from ${JSON.stringify(appFile)};`,
    `import { derive, makeUp, serve } from ${sdk};`,
    ...functions,
    ...derived,
    ...madeUp,
  ].join('\n');
}

const sdk = JSON.stringify('@coco/sdk');

/** Evaluates a declaration where it will run: what does not load in the sandbox is found here. */
export function describeApp(module: string, file: string, engine: Engine = createEngine()): Description {
  using owned = engine;
  const source = { modules: new Map([[`/${declaredModule}`, module]]), entry: `/${declaredModule}` };
  const result = owned.evaluate(source, 'describe', [], emptyWorld());
  if (result.kind === 'missing') {
    throw new BuildError('NotForSandbox', `${file} does not load in the sandbox: ${result.message}`);
  }
  if (result.kind === 'threw') {
    const { reason, trace } = result.failure;
    throw new BuildError(
      'NotForSandbox',
      `${file} cannot be evaluated: ${reason}${trace ? `\n${trace}` : ''}`,
    );
  }
  if (result.value === null) {
    throw new BuildError('ContractInvalid', `${file} exports no "app" made by defineApp`);
  }
  return result.value as unknown as Description;
}

/** A declaration sees no data, no chance and the beginning of time: the same sources give the same bundle. */
function emptyWorld(): EvaluationWorld {
  return {
    tx: new Store().begin(),
    access: () => 'read-only',
    context: 'read-only application',
    functions: {},
    now: 0,
    random: (length) => new Uint8Array(length),
  };
}
