import type { Modules } from '../call.ts';
import { limits } from '../limits.ts';

/** A place in a source file; lines and columns from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** From a place in generated code to where it comes from, if the map knows. */
export type Origin = (line: number, column: number) => Place | undefined;

/** Reads a source map (version 3, JSON). May throw for what is none. */
export type ReadSourceMap = (json: string) => Origin;

const nowhere: Origin = () => undefined;
const mapComment = /^\/\/# sourceMappingURL=data:application\/json;(?:charset=utf-8;)?base64,([\w+/=]+)$/;

/**
 * Tells stack traces by the sources that authors know, where a module brings its source map along as a comment in its
 * last line. What no map knows stays as it is.
 */
export class Traces {
  readonly #modules: Modules;
  readonly #read: ReadSourceMap | undefined;
  readonly #origins = new Map<string, Origin>();

  constructor(modules: Modules, read: ReadSourceMap | undefined) {
    this.#modules = modules;
    this.#read = read;
  }

  /** Rewrites places such as `/app.js:5532:8`. */
  explain(trace: string): string {
    if (this.#read === undefined) return trace;
    return trace.replace(
      /(?<=[( ])(\/[^\s():]+):(\d+):(\d+)/g,
      (place, key: string, line: string, column: string) => {
        const origin = this.#originsOf(key)(Number(line), Number(column));
        return origin === undefined ? place : `${origin.file}:${origin.line}:${origin.column}`;
      },
    );
  }

  #originsOf(key: string): Origin {
    const known = this.#origins.get(key);
    if (known !== undefined) return known;
    const origins = this.#readMapOf(key) ?? nowhere;
    this.#origins.set(key, origins);
    return origins;
  }

  #readMapOf(key: string): Origin | undefined {
    const source = this.#modules.get(key)?.trimEnd() ?? '';
    const [, base64] = mapComment.exec(source.slice(source.lastIndexOf('\n') + 1)) ?? [];
    if (base64 === undefined || base64.length > limits.sourceMapCharactersMax) return undefined;
    try {
      return this.#read?.(new TextDecoder().decode(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))));
    } catch {
      // A map that cannot be read is as good as none.
      return undefined;
    }
  }
}
