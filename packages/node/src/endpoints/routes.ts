import {
  accessEndpoints,
  type AppEndpoint as DocumentedEndpoint,
  type Endpoint,
  endpointsOf,
  nodeEndpoints,
  openApi,
} from '@coco/api';
import { accessHandlers } from '../access/endpoints.ts';
import type { AppEndpoint } from '../application.ts';
import type { BuiltinRoutes } from '../frontend/pipeline.ts';
import { Router } from '../frontend/router.ts';
import type { BuiltinContext, Handler } from './context.ts';
import { nodeHandlers } from './node.ts';
import { getApi, getCommit, getReceipt, getTransaction } from './transactions.ts';

const common: Readonly<Record<string, Handler>> = {
  commit: getCommit,
  tx: getTransaction,
  receipt: getReceipt,
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

/** Every built-in endpoint but governance's own, from the endpoint table and its handlers. */
export function builtinRoutes(): BuiltinRoutes {
  const routes = { node: new Router<Handler>(), gov: new Router<Handler>(), app: new Router<Handler>() };
  for (const frontend of ['node', 'gov', 'app'] as const) {
    for (const [name, handler] of Object.entries({ ...common, api: apiOf(frontend) })) {
      routes[frontend].add('GET', `/${name}`, handler);
    }
  }
  for (const endpoint of accessEndpoints) {
    const handler = accessHandlers[endpoint.path];
    if (handler) routes.app.add(endpoint.method, endpoint.path.slice('/app'.length), handler);
  }
  for (const endpoint of nodeEndpoints) {
    const handler = nodeHandlers[`${endpoint.method} ${endpoint.path}`];
    if (handler) routes.node.add(endpoint.method, endpoint.path.slice('/node'.length), handler);
  }
  return routes;
}

/** Rows of the table that no handler serves yet. */
export function unservedEndpoints(): Endpoint[] {
  return nodeEndpoints.filter(({ method, path }) => {
    const [, , last = ''] = path.split('/');
    return !(`${method} ${path}` in nodeHandlers) && !(last in common) && last !== 'api';
  });
}
