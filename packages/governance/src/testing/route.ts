import { type GovEndpoint, govEndpoints } from '../index.ts';

/** The row of the interface that answers a path, and the parameters it takes out of it. */
export function route(
  method: string,
  path: string,
): { endpoint: GovEndpoint; params: Record<string, string> } {
  for (const endpoint of govEndpoints) {
    if (endpoint.method !== method) continue;
    const pattern = endpoint.path.replace(/\{(\w+)\}/g, '(?<$1>[^/:]+)');
    const match = new RegExp(`^${pattern}$`).exec(path);
    if (match) return { endpoint, params: { ...match.groups } };
  }
  throw new Error(`no endpoint ${method} ${path}`);
}
