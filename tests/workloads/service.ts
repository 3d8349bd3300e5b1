// A real service for tests and benchmarks: daemon, governance and contract as a consortium would have them, in a folder
// that goes away afterwards.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Session } from '@coco/client';
import { httpsTransport, nodeWorld } from '@coco/client/node';
import { type Bundle, buildBundle } from '../../apps/cli/src/contract/bundle.ts';
import { NodeProcess, nodeExecutable } from '../../apps/cli/src/dev/node-process.ts';
import { openService } from '../../apps/cli/src/dev/open-service.ts';
import {
  constitutionFiles,
  nodeConfiguration,
  prepareWorkspace,
  type Workspace,
} from '../../apps/cli/src/dev/workspace.ts';

const root = dirname(dirname(import.meta.dirname));

export interface ServiceOptions {
  readonly bundle?: Bundle;
  readonly members?: number;
  readonly users?: number;
  /** Folders of constitution scripts: the first that has one of them counts, and ours has what none has. */
  readonly constitution?: readonly string[];
  /** Changes the configuration before the node starts. */
  readonly configure?: (configuration: Record<string, unknown>) => void;
  /** What runs in place of `bin/coco-node`, for instance pinned to a core. */
  readonly executable?: string;
  /** Leaves the service unopened. */
  readonly unopened?: boolean;
}

/** A service that runs; disposing stops the node and removes its folder. */
export interface Service extends AsyncDisposable {
  readonly workspace: Workspace;
  readonly node: NodeProcess;
  readonly url: string;
  readonly port: number;
  readonly certificate: string;
  /** A session as a user, or as nobody. */
  session(user?: number): Session;
  readonly folder: string;
}

/** Starts a node, opens the service and installs the contract. */
export async function startService(options: ServiceOptions = {}): Promise<Service> {
  const folder = mkdtempSync(join(tmpdir(), 'coco-'));
  const workspace = prepareWorkspace(
    folder,
    { members: options.members ?? 1, users: options.users ?? 1 },
    Date.now(),
  );
  const constitution = constitutionFiles([
    ...(options.constitution ?? [join(root, 'samples/constitutions/sandbox')]),
    join(root, 'samples/constitutions/default'),
  ]);
  const configuration = nodeConfiguration(workspace, { address: '127.0.0.1:0', constitution });
  options.configure?.(configuration as Record<string, unknown>);
  const node = new NodeProcess(workspace.node, configuration, options.executable ?? nodeExecutable);
  const resources = new AsyncDisposableStack();
  resources.defer(() => rmSync(folder, { recursive: true, force: true }));
  resources.use(node);
  try {
    const url = await node.address(workspace.serviceCert, 60_000);
    const certificate = readFileSync(workspace.serviceCert, 'utf8');
    const session = (user?: number): Session => {
      const person = user === undefined ? undefined : workspace.users[user];
      const client = person && {
        certificate: readFileSync(person.cert, 'utf8'),
        privateKey: readFileSync(person.key, 'utf8'),
      };
      const transport = resources.use(
        httpsTransport({ serviceCertificate: certificate, ...(client ? { client } : {}) }),
      );
      return new Session(nodeWorld(transport), { addresses: [url], serviceCertificate: certificate });
    };
    if (!options.unopened) await openService(session(), workspace, options.bundle);
    return {
      workspace,
      node,
      url,
      port: Number(new URL(url).port),
      certificate,
      session,
      folder,
      [Symbol.asyncDispose]: () => resources.disposeAsync(),
    };
  } catch (error) {
    await resources.disposeAsync();
    throw error;
  }
}

/** The logging sample with what the measurements need beside it: an open read and endpoints that compute. */
export async function measuredBundle(): Promise<Bundle> {
  const { bundle } = await buildBundle(join(root, 'samples/contracts/logging'));
  const open = (js_function: string) => ({
    js_module: 'measured.js',
    js_function,
    forwarding_required: 'sometimes',
    redirection_strategy: 'none',
    authn_policies: ['no_auth'],
    mode: 'readonly',
    openapi: {},
    interpreter_reuse: { key: 'logging' },
  });
  const logging = bundle.metadata.endpoints as Record<string, Record<string, object>>;
  return {
    metadata: {
      endpoints: {
        ...logging,
        '/log/private/anonymous': {
          ...logging['/log/private/anonymous'],
          get: { ...open('get_private'), js_module: 'logging.js' },
        },
        '/spin': { get: open('spin') },
        '/sort': { get: open('sort') },
      },
    },
    modules: [...bundle.modules, { name: 'measured.js', module: measuredSource }],
  } as Bundle;
}

const measuredSource = `
export function spin(request) {
  const iterations = Number(request.query.split('=')[1]);
  let x = 0;
  // A product that stays an integer: x * 31 leaves the 32 bits and would measure floating point.
  for (let i = 0; i < iterations; i++) x = (Math.imul(x, 31) + i) | 0;
  return { body: x < 0 ? -x : x };
}
export function sort() {
  const records = [];
  for (let i = 0; i < 1000; i++) records.push({ id: (i * 7919) % 1000, name: 'record ' + i });
  records.sort((a, b) => a.id - b.id);
  return { body: JSON.stringify(records).length };
}
`;
