// A real service for tests and benchmarks: daemon, governance and contract as a consortium would have them, in a folder
// that goes away afterwards.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { keySigner, Session } from '@coco/client';
import { type Bundle, buildBundle } from '../../apps/cli/src/contract/bundle.ts';
import { decide, type ProposedAction } from '../../apps/cli/src/dev/govern.ts';
import {
  type ClientKeys,
  LocalNetwork,
  type LocalNetworkOptions,
} from '../../apps/cli/src/dev/local-network.ts';
import type { NodeProcess } from '../../apps/cli/src/dev/node-process.ts';
import { constitutionFiles, prepareWorkspace, type Workspace } from '../../apps/cli/src/dev/workspace.ts';
import { conforming } from './conforming.ts';

const root = dirname(dirname(import.meta.dirname));

export interface ServiceOptions {
  readonly bundle?: Bundle;
  readonly members?: number;
  readonly users?: number;
  /** Folders of constitution scripts: the first that has one of them counts, and ours has what none has. */
  readonly constitution?: readonly string[];
  /** Changes the configuration before a node starts. */
  readonly configure?: (configuration: Record<string, unknown>, index: number) => void;
  /** What runs in place of `bin/coco-node`, for instance pinned to a core. */
  readonly executable?: LocalNetworkOptions['executable'];
  /** Where nodes serve: any port of loopback unless said otherwise. */
  readonly address?: LocalNetworkOptions['address'];
  /** Nodes in all; one unless said otherwise. */
  readonly nodes?: number;
  /** Leaves the service unopened. */
  readonly unopened?: boolean;
}

/** A service that runs; disposing stops its nodes and removes its folder. */
export interface Service extends AsyncDisposable {
  readonly network: LocalNetwork;
  readonly workspace: Workspace;
  /** The process of the first node. */
  readonly node: NodeProcess;
  /** Of the first node. */
  readonly url: string;
  readonly port: number;
  readonly certificate: string;
  /** A session as a user, or as nobody. It holds the service to its OpenAPI documents. */
  session(user?: number): Session;
  readonly folder: string;
  /** Aborted when it is disposed. */
  readonly ended: AbortSignal;
}

/** Starts a node, opens the service and installs the contract; further nodes join by vote. */
export async function startService(options: ServiceOptions = {}): Promise<Service> {
  const folder = mkdtempSync(join(tmpdir(), 'coco-'));
  const people = { members: options.members ?? 1, users: options.users ?? 1 };
  const workspace = prepareWorkspace(folder, people, Date.now());
  const resources = new AsyncDisposableStack();
  resources.defer(() => rmSync(folder, { recursive: true, force: true }));
  const { address, configure, executable } = options;
  const network = resources.use(
    new LocalNetwork(workspace, {
      constitution: constitutionFiles([
        ...(options.constitution ?? [join(root, 'samples/constitutions/sandbox')]),
        join(root, 'samples/constitutions/default'),
      ]),
      ...(configure && { configure }),
      ...(executable !== undefined && { executable }),
      ...(address && { address }),
    }),
  );
  const ended = new AbortController();
  resources.defer(() => ended.abort());
  try {
    const { process: node, url } = await network.start();
    if (!options.unopened) await network.open(options.bundle);
    const joiners = Array.from({ length: (options.nodes ?? 1) - 1 }, (_, i) => network.join(i + 1));
    if (joiners.length > 0) await network.admit(...(await Promise.all(joiners)));
    return {
      network,
      workspace,
      node,
      url,
      port: Number(new URL(url).port),
      certificate: readFileSync(workspace.serviceCert, 'utf8'),
      session: (user) => held(network.session(user === undefined ? undefined : keysOf(workspace, user))),
      folder,
      ended: ended.signal,
      [Symbol.asyncDispose]: () => resources.disposeAsync(),
    };
  } catch (error) {
    await resources.disposeAsync();
    throw error;
  }
}

/** The same session, with its answers held to the service's own documents. */
function held({ addresses, serviceCertificate, world }: Session): Session {
  return new Session({ ...world, send: conforming(world.send) }, { addresses, serviceCertificate });
}

/** Certificate and key of a user. */
export function keysOf({ users }: Workspace, user: number): ClientKeys | undefined {
  const person = users[user];
  return (
    person && { certificate: readFileSync(person.cert, 'utf8'), privateKey: readFileSync(person.key, 'utf8') }
  );
}

/**
 * The logging sample with what the measurements need beside it: an open read, endpoints that compute, and one write that
 * is plain, private by a rule, and private with its row sealed.
 */
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
  const write = (js_function: string, access?: object) => ({
    js_module: 'measured.js',
    js_function,
    forwarding_required: 'always',
    redirection_strategy: 'none',
    authn_policies: ['no_auth'],
    mode: 'readwrite',
    openapi: {},
    ...(access === undefined ? {} : { access }),
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
        '/plain': { post: write('plain') },
        '/ruled': { post: write('plain', { audience: ['party:mill', 'party:farm'] }) },
        '/sealed': { post: write('sealed') },
      },
    },
    modules: [...bundle.modules, { name: 'measured.js', module: measuredSource }],
  } as Bundle;
}

const measuredSource = `
const bytes = (text) => ccf.strToBuf(text);
const messages = ccf.kv['messages'];
const rows = ccf.kv['audience:messages'];
export function plain({ body }) {
  const { id, msg } = body.json();
  messages.set(bytes(id), bytes(msg));
  return { body: true };
}
export function sealed({ body }) {
  const { id, msg } = body.json();
  ccf.access.setAudience(['party:mill', 'party:farm']);
  rows.set(bytes(id), bytes(msg));
  return { body: true };
}
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

/** Puts actions to the vote of all members, who are in favour, in a session that holds answers to the documents. */
export async function govern(
  service: Pick<Service, 'session' | 'workspace'>,
  actions: readonly ProposedAction[],
): Promise<void> {
  const text = (file: string): string => readFileSync(file, 'utf8');
  const signers = service.workspace.members.map(({ cert, key }) => keySigner(text(cert), text(key)));
  await decide(service.session(), signers, actions);
}
