import { type FSWatcher, statSync, watch } from 'node:fs';
import { basename, dirname, resolve, sep } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type BuildOptions, compareBundles } from '@coco/contract-build';
import { type Bundle, buildBundle } from '../contract/bundle.ts';
import { codeText } from '../contract/comparison-text.ts';
import type { LocalNetwork } from './local-network.ts';

/** Editors write a file in several steps. */
const settleMs = 40;

/** What becomes of a saved change. */
export interface Reload {
  readonly bundle: Bundle;
  readonly buildMs: number;
  /** The members' decision, and its effect. */
  readonly installMs: number;
}

/**
 * Takes each saved change of a contract to the service, by proposal and vote, until it is stopped. What does not build, or
 * is not accepted, is said, and the contract that is there goes on serving; data stays as it is.
 */
export async function followChanges(
  network: LocalNetwork,
  contract: { readonly path: string; readonly bundle: Bundle; readonly options: BuildOptions },
  stopped: Promise<unknown>,
  say: (line: string) => void,
): Promise<void> {
  using changes = new Changes(contract.path);
  const stop = stopped.then(() => 'stopped' as const);
  let deployed = contract.bundle;
  while ((await Promise.race([changes.next(), stop])) !== 'stopped') {
    await delay(settleMs);
    changes.forget();
    try {
      const reload = await replace(network, contract, deployed);
      if (reload === undefined) continue;
      say(reloadText(deployed, reload));
      deployed = reload.bundle;
    } catch (error) {
      say(`not replaced: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

/** Undefined when the change does not change the bundle. */
async function replace(
  network: LocalNetwork,
  { path, options }: { readonly path: string; readonly options: BuildOptions },
  deployed: Bundle,
): Promise<Reload | undefined> {
  const start = performance.now();
  const { bundle } = await buildBundle(path, options);
  const built = performance.now();
  if (JSON.stringify(bundle) === JSON.stringify(deployed)) return undefined;
  await network.decide([{ name: 'set_js_app', args: { bundle } }]);
  return { bundle, buildMs: built - start, installMs: performance.now() - built };
}

function reloadText(deployed: Bundle, { bundle, buildMs, installMs }: Reload): string {
  const { endpoints } = compareBundles(deployed, bundle);
  const differs = endpoints.added.length + endpoints.removed.length + endpoints.changed.length > 0;
  const times = `built in ${Math.round(buildMs)} ms, voted in ${Math.round(installMs)} ms`;
  const none = { added: [], removed: [], changed: [] };
  return [`replaced: ${times}`, ...(differs ? [codeText({ endpoints, modules: none })] : [])].join('\n');
}

/** Tells that something below a folder was written, whatever it was. */
class Changes implements Disposable {
  readonly #watcher: FSWatcher;
  #changed = Promise.withResolvers<void>();

  constructor(path: string) {
    const isFolder = statSync(path).isDirectory();
    const folder = isFolder ? path : dirname(resolve(path));
    this.#watcher = watch(folder, { recursive: isFolder }, (_, file) => {
      if (file !== null && (isFolder ? isSource(file) : file === basename(path))) this.#changed.resolve();
    });
  }

  /** Resolves when something was written since `forget`. */
  next(): Promise<void> {
    return this.#changed.promise;
  }

  forget(): void {
    this.#changed = Promise.withResolvers<void>();
  }

  [Symbol.dispose](): void {
    this.#watcher.close();
  }
}

/** What is installed and what is built does not count: neither does what editors and tools keep for themselves. */
function isSource(file: string): boolean {
  const steps = file.split(sep);
  const isElsewhere = steps.some(
    (step) => step.startsWith('.') || step === 'node_modules' || step === 'workspace',
  );
  return !isElsewhere && basename(file) !== 'bundle.json';
}
