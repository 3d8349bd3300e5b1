import { limits } from '../limits.ts';
import { type LinkedModule, linkModule } from './link.ts';

/** Modules linked before: a constitution is parsed once, and not again for every ballot. Bounded by characters. */
export class LinkedBefore {
  /** By key and source, least recently used first. */
  readonly #modules = new Map<string, LinkedModule>();
  readonly #forgotten: (module: LinkedModule) => void;
  #characters = 0;

  /** @param forgotten told of each module that makes room for others */
  constructor(forgotten: (module: LinkedModule) => void) {
    this.#forgotten = forgotten;
  }

  /** As `linkModule`; the same object for the same module, unless it was forgotten meanwhile. */
  link(key: string, source: string): LinkedModule {
    const name = `${key}\n${source}`;
    const known = this.#modules.get(name);
    const module = known ?? linkModule(key, source);
    if (known === undefined) this.#characters += name.length;
    this.#modules.delete(name);
    this.#modules.set(name, module);
    return module;
  }

  /** Forgets the oldest until what is left keeps the bound. */
  trim(): void {
    for (const [name, module] of this.#modules) {
      if (this.#characters <= limits.linkedCharactersMax) return;
      this.#modules.delete(name);
      this.#characters -= name.length;
      this.#forgotten(module);
    }
  }
}
