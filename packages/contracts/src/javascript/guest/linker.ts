/** A module of the program: see modules/link.ts. */
type Factory = (
  imports: (key: string, wanted: readonly string[]) => object,
  exports: (getters: Readonly<Record<string, () => unknown>>, stars: readonly object[]) => void,
  meta: object,
  dynamic: (specifier: unknown) => Promise<object>,
  top: (values: () => unknown[]) => void,
) => Generator<void, void>;

interface Instance {
  readonly exports: Record<string, unknown>;
  readonly steps: Generator<void, void>;
  readonly wanted: [key: string, name: string][];
  state: 'declared' | 'running' | 'done';
  top: () => unknown[];
}

/** Evaluates modules, each once, until told to forget. */
export class Linker {
  readonly #factories = new Map<string, Factory>();
  readonly #dependencies = new Map<string, readonly string[]>();
  readonly #resolve: (specifier: string, importer: string) => string;
  #instances = new Map<string, Instance>();

  constructor(resolve: (specifier: string, importer: string) => string) {
    this.#resolve = resolve;
  }

  define(key: string, dependencies: readonly string[], factory: Factory): void {
    this.#factories.set(key, factory);
    this.#dependencies.set(key, dependencies);
  }

  has(key: string): boolean {
    return this.#factories.has(key);
  }

  /** The next load evaluates everything anew. */
  forget(): void {
    this.#instances = new Map();
  }

  /** The exports of a module, evaluated with all it imports. */
  load(key: string): Readonly<Record<string, unknown>> {
    const known = this.#instances.get(key);
    if (known?.state === 'done') return known.exports;
    this.#declare(key);
    for (const instance of this.#instances.values()) this.#checkNames(instance);
    this.#run(key);
    return (this.#instances.get(key) as Instance).exports;
  }

  /** Everything that modules declared at their top levels, and their exports. */
  values(): unknown[] {
    const values: unknown[] = [];
    for (const instance of this.#instances.values()) values.push(instance.exports, ...instance.top());
    return values;
  }

  #declare(key: string): Instance {
    const known = this.#instances.get(key);
    if (known) return known;
    const factory = this.#factories.get(key);
    if (!factory) throw new TypeError(`Module '${key}' could not be loaded`);
    const exports: Record<string, unknown> = Object.create(null);
    const wanted: Instance['wanted'] = [];
    const instance = { exports, wanted, state: 'declared', top: () => [] } as unknown as Instance & {
      steps: unknown;
    };
    instance.steps = Reflect.apply(factory, undefined, [
      (from: string, names: readonly string[]) => {
        for (const name of names) wanted.push([from, name]);
        return this.#declare(from).exports;
      },
      (getters: Record<string, () => unknown>, stars: readonly object[]) =>
        this.#export(exports, getters, stars),
      Object.freeze({ url: key }),
      (specifier: unknown) => this.#import(specifier, key),
      (values: () => unknown[]) => {
        instance.top = values;
      },
    ]);
    this.#instances.set(key, instance);
    for (const dependency of this.#dependencies.get(key) ?? []) this.#declare(dependency);
    instance.steps.next();
    return instance;
  }

  #export(exports: object, getters: Record<string, () => unknown>, stars: readonly object[]): void {
    for (const star of stars) {
      for (const name of Object.keys(star)) {
        if (name === 'default' || Object.hasOwn(getters, name)) continue;
        const get = () => (star as Record<string, unknown>)[name];
        Object.defineProperty(exports, name, { get, enumerable: true, configurable: true });
      }
    }
    for (const [name, get] of Object.entries(getters)) {
      Object.defineProperty(exports, name, { get, enumerable: true, configurable: true });
    }
    Object.defineProperty(exports, Symbol.toStringTag, { value: 'Module' });
  }

  #checkNames({ wanted }: Instance): void {
    for (const [key, name] of wanted) {
      if (name in (this.#instances.get(key) as Instance).exports) continue;
      throw new SyntaxError(`The requested module '${key}' does not provide an export named '${name}'`);
    }
    wanted.length = 0;
  }

  #run(key: string): void {
    const instance = this.#instances.get(key) as Instance;
    if (instance.state !== 'declared') return;
    instance.state = 'running';
    for (const dependency of this.#dependencies.get(key) ?? []) this.#run(dependency);
    instance.steps.next();
    instance.state = 'done';
  }

  #import(specifier: unknown, importer: string): Promise<object> {
    return new Promise((resolve) => resolve(this.load(this.#resolve(String(specifier), importer))));
  }
}

export const linkerProgram = [Linker];
