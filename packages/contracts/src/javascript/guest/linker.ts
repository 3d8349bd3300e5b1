import type { Turn } from './session.ts';

/** What is known of a module beside its code; see modules/link.ts. */
export interface ModuleShape {
  readonly dependencies: readonly string[];
  readonly exports: readonly string[];
  readonly stars: readonly string[];
}

interface Definition extends ModuleShape {
  /** Evaluates the module; in two steps when it has imports. */
  readonly factory: (instance: ModuleInstance) => Generator<void, void> | undefined;
  names?: Map<string, string>;
}

/** One evaluation of a module: what its code is given, and what it gives. */
export class ModuleInstance {
  readonly key: string;
  /** Set by the module: the present value of something it exports. */
  get: (name: string) => unknown;
  /** Set by a module that keeps nothing hidden: everything its top level declares. */
  top: (() => unknown[]) | undefined = undefined;
  state: 'declared' | 'running' | 'done' = 'declared';
  steps: Generator<void, void> | undefined = undefined;
  exports: object | undefined = undefined;
  /** Where its asynchronous functions say that they begin. */
  readonly turn: Turn;
  readonly #linker: Linker;
  #meta: object | undefined = undefined;

  constructor(linker: Linker, key: string) {
    this.#linker = linker;
    this.turn = linker.turn;
    this.key = key;
    this.get = (name) => {
      throw new ReferenceError(`Cannot access '${name}' of ${key} before it is evaluated`);
    };
  }

  imports(key: string): object {
    return this.#linker.namespaceOf(key);
  }

  get meta(): object {
    this.#meta ??= Object.freeze({ url: this.key });
    return this.#meta;
  }

  /** `import(specifier)`. */
  dynamic(specifier: unknown): Promise<object> {
    this.turn.promised = true;
    return new Promise((resolve) => {
      const key = this.#linker.resolve(String(specifier), this.key);
      this.#linker.load(key);
      resolve(this.#linker.namespaceOf(key));
    });
  }
}

/** Evaluates modules, each once, until told to forget. */
export class Linker {
  readonly resolve: (specifier: string, importer: string) => string;
  readonly turn: Turn;
  readonly #definitions = new Map<string, Definition>();
  #instances = new Map<string, ModuleInstance>();

  constructor(resolve: (specifier: string, importer: string) => string, turn: Turn) {
    this.resolve = resolve;
    this.turn = turn;
  }

  define(key: string, shape: ModuleShape, factory: Definition['factory']): void {
    this.#definitions.set(key, { ...shape, factory });
  }

  /** The next load evaluates everything anew. */
  forget(): void {
    this.#instances = new Map();
  }

  /** A module evaluated, with all it imports. */
  load(key: string): ModuleInstance {
    const known = this.#instances.get(key);
    if (known?.state === 'done') return known;
    try {
      const instance = this.#declare(key);
      this.#run(instance);
      return instance;
    } catch (error) {
      // What was evaluated in part must not be taken for whole by the next call.
      this.forget();
      throw error;
    }
  }

  /** What a module exports under a name; undefined when it exports no such thing. */
  exported(key: string, name: string): unknown {
    const owner = this.#names(key).get(name);
    return owner === undefined ? undefined : this.#declare(owner).get(name);
  }

  exportedNames(key: string): string[] {
    return [...this.#names(key).keys()];
  }

  /** Everything that modules declared at their top levels, and their exports. */
  values(): unknown[] {
    const values: unknown[] = [];
    for (const [key, { top }] of this.#instances) values.push(this.namespaceOf(key), ...(top?.() ?? []));
    return values;
  }

  /** The object of a module's exports, as `import * as` gives it. */
  namespaceOf(key: string): object {
    const instance = this.#declare(key);
    if (instance.exports) return instance.exports;
    const exports: object = Object.create(null);
    instance.exports = exports;
    for (const [name, owner] of this.#names(key)) {
      Object.defineProperty(exports, name, { get: () => this.#declare(owner).get(name), enumerable: true });
    }
    Object.defineProperty(exports, Symbol.toStringTag, { value: 'Module' });
    return Object.preventExtensions(exports);
  }

  /** Every name a module exports, and the module whose own it is. */
  #names(key: string): Map<string, string> {
    const definition = this.#definition(key);
    definition.names ??= this.#collect(key, new Set());
    return definition.names;
  }

  #collect(key: string, visited: Set<string>): Map<string, string> {
    const { exports, stars } = this.#definition(key);
    const names = new Map(exports.map((name) => [name, key]));
    visited.add(key);
    for (const star of stars) {
      if (visited.has(star)) continue;
      for (const [name, owner] of this.#collect(star, visited)) {
        if (name !== 'default' && !names.has(name)) names.set(name, owner);
      }
    }
    return names;
  }

  #definition(key: string): Definition {
    const definition = this.#definitions.get(key);
    if (definition) return definition;
    throw new TypeError(`Module '${key}' could not be loaded`);
  }

  #declare(key: string): ModuleInstance {
    const known = this.#instances.get(key);
    if (known) return known;
    const { dependencies, factory } = this.#definition(key);
    const instance = new ModuleInstance(this, key);
    this.#instances.set(key, instance);
    if (dependencies.length === 0) return instance;
    for (const dependency of dependencies) this.#declare(dependency);
    instance.steps = factory(instance);
    instance.steps?.next();
    return instance;
  }

  #run(instance: ModuleInstance): void {
    if (instance.state !== 'declared') return;
    instance.state = 'running';
    const { dependencies, factory } = this.#definition(instance.key);
    for (const dependency of dependencies) this.#run(this.#declare(dependency));
    if (instance.steps) instance.steps.next();
    else factory(instance);
    instance.state = 'done';
  }
}

/** What of this file runs inside, see program.ts. */
export const linkerProgram = [ModuleInstance, Linker];
