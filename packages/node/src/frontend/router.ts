import { limits } from '../limits.ts';

/** What a path and a method lead to. */
export type Lookup<T> =
  | { readonly kind: 'found'; readonly value: T; readonly params: Readonly<Record<string, string>> }
  | { readonly kind: 'method-not-allowed'; readonly allow: readonly string[] }
  | { readonly kind: 'ambiguous'; readonly templates: readonly string[] }
  | { readonly kind: 'not-found' };

interface Route<T> {
  readonly template: string;
  readonly pattern: RegExp;
  readonly names: readonly string[];
  readonly methods: Map<string, T>;
}

interface Match<T> {
  readonly route: Route<T>;
  readonly params: Readonly<Record<string, string>>;
}

const noParams: Readonly<Record<string, string>> = Object.freeze({});

/**
 * Compiles `/a/{x}:verb` so that `{x}` takes one segment, and stops before the literal that follows it.
 */
function compile(template: string): { pattern: RegExp; names: string[] } {
  const names: string[] = [];
  const pieces = template.split(/\{([^}]*)\}/);
  let source = '';
  pieces.forEach((piece, index) => {
    if (index % 2 === 0) {
      source += piece.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
      return;
    }
    names.push(piece);
    const next = pieces[index + 1]?.[0];
    source += next && next !== '/' ? `([^/\\${next}]+)` : '([^/]+)';
  });
  return { pattern: new RegExp(`^${source}$`), names };
}

/** Routes by exact path first, then by template; two templates that match one path are an error of the app. */
export class Router<T> {
  readonly #exact = new Map<string, Map<string, T>>();
  readonly #templates: Route<T>[] = [];
  readonly #cache = new Map<string, readonly Match<T>[]>();

  /** Adds a route; a later one with the same template and method replaces the earlier. */
  add(method: string, template: string, value: T): void {
    this.#cache.clear();
    if (!template.includes('{')) {
      const methods = this.#exact.get(template) ?? new Map<string, T>();
      this.#exact.set(template, methods.set(method, value));
      return;
    }
    let route = this.#templates.find((known) => known.template === template);
    if (!route) {
      route = { template, ...compile(template), methods: new Map() };
      this.#templates.push(route);
    }
    route.methods.set(method, value);
  }

  /** Whether this exact template has a route for the method. */
  has(method: string, template: string): boolean {
    const methods =
      this.#exact.get(template) ?? this.#templates.find((route) => route.template === template)?.methods;
    return methods?.has(method) ?? false;
  }

  /** Finds the route of a path within the frontend. */
  find(method: string, path: string): Lookup<T> {
    const exact = this.#exact.get(path);
    if (exact?.has(method)) return { kind: 'found', value: exact.get(method) as T, params: noParams };
    const matches = this.#matches(path);
    const fitting = matches.filter(({ route }) => route.methods.has(method));
    const [only] = fitting;
    if (fitting.length > 1)
      return { kind: 'ambiguous', templates: fitting.map(({ route }) => route.template) };
    if (only) return { kind: 'found', value: only.route.methods.get(method) as T, params: only.params };
    const methods = [...(exact?.keys() ?? []), ...matches.flatMap(({ route }) => [...route.methods.keys()])];
    return methods.length === 0
      ? { kind: 'not-found' }
      : { kind: 'method-not-allowed', allow: ['OPTIONS', ...methods] };
  }

  /** Templates that a path fits, whatever the method. */
  #matches(path: string): readonly Match<T>[] {
    const cached = this.#cache.get(path);
    if (cached) return cached;
    const matches = this.#templates.flatMap((route) => {
      const match = route.pattern.exec(path);
      if (!match) return [];
      return [
        { route, params: Object.fromEntries(route.names.map((name, i) => [name, match[i + 1] ?? ''])) },
      ];
    });
    if (this.#cache.size >= limits.routeCacheMax) this.#cache.clear();
    this.#cache.set(path, matches);
    return matches;
  }
}
