import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { type Bundle, buildBundle } from '@coco/contract-build';
import { type App, createEngine, type Engine, type RuntimeOptions, requiredV8Flags } from '@coco/contracts';
import { readSourceMap } from '@coco/contracts/node';
import { openSandbox } from '@coco/contracts/open-sandbox';
import { TestServiceError } from '../errors.ts';
import { type ServiceOptions, TestService } from '../service.ts';
import { countInto, coverageVariable } from './coverage.ts';

let engine: Engine | undefined;
let services = 0;
/** Installing parses the whole contract, so it is done once: by bundle, then by limits. */
const apps = new WeakMap<Bundle, Map<string, App>>();
const builds = new Map<string, Promise<Bundle>>();

/**
 * A service with a contract on it: a bundle, or the folder (or file) of one, which is built once a process. The
 * process must run with `--no-node-snapshot`.
 *
 * @example
 * const service = await createTestService(new URL('..', import.meta.url));
 * const { status } = await service.as('alice').post('/notes', { text: 'hello' });
 */
export async function createTestService(
  contract: Bundle | string | URL,
  options: ServiceOptions = {},
): Promise<TestService> {
  const bundle = isBundle(contract) ? contract : await built(contract);
  const app = installed(bundle, options.limits);
  return new TestService({ app, bundle, lane: `test ${services++}` }, options);
}

function installed(bundle: Bundle, limits: RuntimeOptions = {}): App {
  const known = apps.get(bundle) ?? new Map<string, App>();
  apps.set(bundle, known);
  const key = JSON.stringify(limits);
  const app = known.get(key) ?? install(bundle, limits);
  known.set(key, app);
  return app;
}

function install(bundle: Bundle, limits: RuntimeOptions): App {
  const modules = new Map(bundle.modules.map(({ name, module }) => [`/${name.replace(/^\//, '')}`, module]));
  const app = theEngine().install(modules, limits);
  const [problem] = app.problems;
  if (problem !== undefined) throw new TestServiceError('ContractUnusable', problem.message);
  return app;
}

function isBundle(contract: Bundle | string | URL): contract is Bundle {
  return typeof contract === 'object' && 'metadata' in contract;
}

function built(place: string | URL): Promise<Bundle> {
  const path = typeof place === 'string' ? place : fileURLToPath(place);
  const known = builds.get(path);
  if (known !== undefined) return known;
  const made = buildBundle(path).then(({ bundle }) => bundle);
  builds.set(path, made);
  return made;
}

/** One per process; it ends with it. */
function theEngine(): Engine {
  if (engine !== undefined) return engine;
  for (const flag of requiredV8Flags) setFlagsFromString(flag);
  const counted = process.env[coverageVariable];
  if (counted === undefined) engine = createEngine({ readSourceMap });
  else {
    countInto(counted);
    // Only what runs in the process's own isolate can be counted: all of the sandbox but its walls.
    engine = createEngine({ readSourceMap, makeSandbox: (wanted) => openSandbox(wanted, true) });
  }
  return engine;
}
