import {
  type AppEndpoint as DocumentedEndpoint,
  type Endpoint,
  endpoints,
  endpointsOf,
  openApi,
} from '@coco/api';
import { accessHandlers } from '../access/endpoints.ts';
import type { AppEndpoint } from '../application.ts';
import type { BuiltinRoute, BuiltinRoutes } from '../frontend/pipeline.ts';
import { Router } from '../frontend/router.ts';
import type { BuiltinContext, Handler } from './context.ts';
import { nodeHandlers } from './node.ts';
import { getApi, getCommit, getReceipt, getStanding, getTransaction } from './transactions.ts';

const common: Readonly<Record<string, Handler>> = {
  commit: getCommit,
  tx: getTransaction,
  receipt: getReceipt,
  standing: getStanding,
};

const titles = { node: 'Node API', gov: 'Governance API', app: 'Application API' };
const descriptions = {
  node: 'The node itself: identity, state, attestation, consensus.',
  gov: 'Members govern here, by signed proposals and ballots; everything is public.',
  app: 'The endpoints of the installed contract, and those every service has.',
};

function describeAppEndpoint({ method, template, properties }: AppEndpoint): DocumentedEndpoint {
  return {
    path: template,
    method,
    forwarding: properties.forwarding_required,
    mode: properties.mode,
    auth: properties.authn_policies.map((policy) => (typeof policy === 'string' ? policy : policy.all_of)),
    openapi: properties.openapi,
    hidden: properties.openapi_hidden ?? false,
  };
}

function apiOf(frontend: 'node' | 'gov' | 'app'): Handler {
  return getApi(({ node }: BuiltinContext) =>
    openApi(
      { title: titles[frontend], version: node.versions.product, description: descriptions[frontend] },
      endpointsOf(frontend),
      frontend === 'app' ? node.application.endpoints.map(describeAppEndpoint) : [],
    ),
  );
}

function handlerOf({ frontend, method, path }: Endpoint): Handler | undefined {
  const name = path.slice(frontend.length + 2);
  if (name === 'api') return apiOf(frontend);
  return common[name] ?? nodeHandlers[`${method} ${path}`] ?? accessHandlers[path];
}

/** Every built-in endpoint but governance's own, from the endpoint table and its handlers. */
export function builtinRoutes(): BuiltinRoutes {
  const routes = {
    node: new Router<BuiltinRoute>(),
    gov: new Router<BuiltinRoute>(),
    app: new Router<BuiltinRoute>(),
  };
  for (const endpoint of endpoints) {
    const handler = handlerOf(endpoint);
    const path = endpoint.path.slice(endpoint.frontend.length + 1);
    const { writesWith } = endpoint;
    if (handler)
      routes[endpoint.frontend].add(endpoint.method, path, { handler, rule: endpoint, writesWith });
  }
  return routes;
}
