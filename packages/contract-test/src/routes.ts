import type { Bundle, PlacedEndpoint } from '@coco/contract-build';
import { endpointsOf } from '@coco/contract-build';

/** What a method and a path lead to. */
export type Found =
  | {
      readonly kind: 'found';
      readonly endpoint: PlacedEndpoint;
      readonly params: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'method-not-allowed'; readonly allow: readonly string[] }
  | { readonly kind: 'not-found' };

/** Finds endpoints as a node does: exact paths before templates; a parameter takes one segment. */
export function routesOf(bundle: Bundle): (method: string, path: string) => Found {
  const routes = endpointsOf(bundle).map((endpoint) => ({ endpoint, ...patternOf(endpoint.path) }));
  return (method, path) => {
    const fitting = routes.flatMap(({ endpoint, pattern, names }) => {
      const match = pattern.exec(path);
      if (match === null) return [];
      return [{ endpoint, params: Object.fromEntries(names.map((name, at) => [name, match[at + 1] ?? ''])) }];
    });
    const own = fitting.filter(({ endpoint }) => endpoint.method === method);
    const best = own.find(({ endpoint }) => endpoint.path === path) ?? own[0];
    if (best !== undefined) return { kind: 'found', ...best };
    const allow = ['OPTIONS', ...fitting.map(({ endpoint }) => endpoint.method)];
    return fitting.length > 0 ? { kind: 'method-not-allowed', allow } : { kind: 'not-found' };
  };
}

function patternOf(template: string): { readonly pattern: RegExp; readonly names: readonly string[] } {
  const pieces = template.split(/\{([^}]*)\}/);
  const names = pieces.filter((_, at) => at % 2 === 1);
  const source = pieces.map((piece, at) => {
    if (at % 2 === 0) return piece.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    const next = pieces[at + 1]?.[0];
    return next !== undefined && next !== '/' ? `([^/\\${next}]+)` : '([^/]+)';
  });
  return { pattern: new RegExp(`^${source.join('')}$`), names };
}
