import type { Endpoint, Frontend } from '../endpoint.ts';
import { accessEndpoints } from './access.ts';
import { governanceEndpoints } from './governance.ts';
import { nodeEndpoints } from './node.ts';
import { commonEndpoints } from './transactions.ts';

/** Every built-in endpoint of a service. */
export const endpoints: readonly Endpoint[] = [
  ...commonEndpoints('node'),
  ...nodeEndpoints,
  ...commonEndpoints('app'),
  ...accessEndpoints,
  ...commonEndpoints('gov'),
  ...governanceEndpoints,
];

/** The built-in endpoints of one frontend. */
export function endpointsOf(frontend: Frontend): readonly Endpoint[] {
  return endpoints.filter((row) => row.frontend === frontend);
}
