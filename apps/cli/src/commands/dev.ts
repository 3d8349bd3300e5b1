import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ClientError } from '@coco/client';
import type { BuildOptions } from '@coco/contract-build';
import type { Input, Io, Noun, Outcome } from '../command.ts';
import { withConnection } from '../connection.ts';
import { type Bundle, buildBundle, contractName } from '../contract/bundle.ts';
import { callText, followLog } from '../contract/log-text.ts';
import { LocalNetwork } from '../dev/local-network.ts';
import { debugExecutable, nodeExecutable } from '../dev/node-process.ts';
import { text } from '../dev/open-service.ts';
import { followChanges } from '../dev/watch.ts';
import {
  constitutionFiles,
  nodeFolder,
  openWorkspace,
  prepareWorkspace,
  readLedgersBeside,
  type Workspace,
} from '../dev/workspace.ts';
import { CliError } from '../errors.ts';
import { readConfig, writeConfig } from '../profiles.ts';
import { counted, facts } from '../text.ts';

const samples = fileURLToPath(new URL('../../../../samples', import.meta.url));

/** `coco dev`: a service on this machine. The options are those of CCF's sandbox, and ours. */
export const dev: Noun = {
  verbs: [
    {
      name: 'dev',
      summary: 'Run a service on this machine until Ctrl-C, with one node or several',
      example: 'dev --js-app-bundle samples/contracts/logging',
      options: [
        {
          flags: '--js-app-bundle <dir>',
          summary: 'the contract: a folder with src/app.ts or app.json, or a bundle',
        },
        {
          flags: '--watch',
          summary: 'take each saved change of the contract to the service, and print requests as they happen',
        },
        {
          flags: '--inspect',
          summary:
            'let a debugger attach to the contract at 127.0.0.1:9229 (COCO_INSPECT says otherwise); one node',
        },
        {
          flags: '-n, --node <address>',
          summary: 'host:port of a node (repeatable; 127.0.0.1:8000 unless given)',
          repeats: true,
        },
        { flags: '--nodes <count>', summary: 'nodes in all, at the ports that follow', default: '1' },
        { flags: '--initial-member-count <count>', summary: 'members with keys of their own', default: '1' },
        { flags: '--initial-user-count <count>', summary: 'users with keys of their own', default: '1' },
        {
          flags: '-c, --constitution-dir <dir>',
          summary: 'scripts that replace those of the default constitution',
        },
        {
          flags: '-p, --package <executable>',
          summary: 'the daemon to run, instead of the one of this release',
        },
        { flags: '--workspace <dir>', summary: 'where keys, ledger and logs go', default: 'workspace' },
        { flags: '--keep', summary: 'go on with the ledger of the last time, recovered as after a disaster' },
        { flags: '--once', summary: 'stop as soon as the service is open, to try whether it opens' },
      ],
      run,
    },
  ],
};

async function run(input: Input, io: Io): Promise<Outcome> {
  const contract = await contractOf(input, io);
  const constitution = constitutionOf(input, io);
  const people = {
    members: atLeastOne(input, 'initialMemberCount', 'a service needs at least one member'),
    users: input.whole('initialUserCount') ?? 1,
  };
  const addresses = addressesOf(input);
  const folder = resolve(io.directory, input.text('workspace') ?? 'workspace');
  const keeps = input.flag('keep') && existsSync(join(nodeFolder(folder, 0), 'ledger'));
  const workspace = (keeps ? openWorkspace : prepareWorkspace)(folder, people, Date.now());
  // From here on Ctrl-C is ours: nodes have process groups of their own and must be stopped by us.
  const stopped = io.untilStopped().then(() => 'stopped' as const);
  const executable = executableOf(input, io, addresses.length);
  await using network = new LocalNetwork(workspace, {
    constitution,
    executable,
    configure: readLedgersBeside,
  });
  const running = await Promise.race([
    serve(io, network, { addresses, keeps, bundle: contract?.bundle }),
    stopped,
  ]);
  if (running === 'stopped')
    return { ok: false, json: { stopped: true }, text: 'stopped before it was open' };
  const urls = network.nodes.map(({ url }) => url);
  saveProfile(io, urls, workspace);
  const json = { address: urls[0], addresses: urls, workspace: folder, serviceCert: workspace.serviceCert };
  if (input.flag('once')) return { ok: true, json: { ...json, profile: 'dev' }, text: 'the service opened' };
  io.progress(welcome(urls, workspace));
  if (input.flag('inspect')) io.progress('a debugger can attach: chrome://inspect, or "attach" in VS Code');
  const watching = contract && input.flag('watch') ? watchAll(io, network, contract, stopped) : stopped;
  await Promise.race([stopped, watching, network.outlive(io.progress)]);
  return { ok: true, json: { ...json, profile: 'dev' }, text: 'stopped' };
}

function executableOf(input: Input, io: Io, nodes: number): string {
  const given = input.text('package');
  if (!input.flag('inspect')) return given === undefined ? nodeExecutable : resolve(io.directory, given);
  if (given === undefined && nodes === 1) return debugExecutable;
  throw new CliError('Usage', '--inspect is for one node, of this release');
}

/** Resolves once the service is open and every node takes part; rejects when a node ends before. */
async function serve(
  io: Io,
  network: LocalNetwork,
  how: {
    readonly addresses: readonly string[];
    readonly keeps: boolean;
    readonly bundle: Bundle | undefined;
  },
): Promise<void> {
  const [first, ...others] = how.addresses;
  if (how.keeps) await goOn(io, network, first, how.bundle);
  else await begin(io, network, first, how.bundle);
  await openLog(io, network);
  if (others.length === 0) return;
  io.progress(`${counted(others.length, 'more node')} ${others.length === 1 ? 'joins' : 'join'} ...`);
  const joiners = await Promise.all(others.map((address, i) => network.join(i + 1, address)));
  await network.admit(...joiners);
}

async function begin(io: Io, network: LocalNetwork, address?: string, bundle?: Bundle): Promise<void> {
  const { members, users } = network.workspace;
  io.progress('starting a node ...');
  await network.start(address);
  const people = `${counted(members.length, 'member')} and ${counted(users.length, 'user')}`;
  io.progress(`opening the service with ${people} ...`);
  await network.open(bundle);
}

/** A node never continues as the one it was: the service is recovered, with the shares of its members. */
async function goOn(io: Io, network: LocalNetwork, address?: string, bundle?: Bundle): Promise<void> {
  io.progress('bringing the service back from its ledger ...');
  await network.recover(0, address);
  if (bundle !== undefined) await network.decide([{ name: 'set_js_app', args: { bundle } }]);
}

/** What the contract prints is for all who take part here; a constitution of another kind may have no word for it. */
async function openLog(io: Io, network: LocalNetwork): Promise<void> {
  const readers = ['user_cert', 'member_cert'];
  try {
    await network.decide([{ name: 'set_contract_log', args: { readers, every_call: true } }]);
  } catch (error) {
    if (!(error instanceof ClientError || error instanceof CliError)) throw error;
    io.progress(`this constitution keeps no log of the contract: ${error.message}`);
  }
}

/** Follows changes of the contract and calls on every node until it is stopped. */
async function watchAll(
  io: Io,
  network: LocalNetwork,
  contract: Contract,
  stopped: Promise<'stopped'>,
): Promise<'stopped'> {
  const say = (line: string) => io.progress(line);
  const reader = network.workspace.users[0] ?? network.workspace.members[0];
  const client = reader && { certificate: text(reader.cert), privateKey: text(reader.key) };
  const serviceCertificate = text(network.workspace.serviceCert);
  const followed = network.nodes.map(({ url }) =>
    withConnection(
      { addresses: [url], serviceCertificate, certificate: undefined, client, jwt: undefined },
      io,
      (session) => followLog(session, 0, stopped, (call) => say(callText(call))),
    ),
  );
  await Promise.all([followChanges(network, contract, stopped, say), ...followed]);
  return stopped;
}

/** The addresses given, and as many more as nodes are wanted: at the ports that follow the last one. */
function addressesOf(input: Input): readonly string[] {
  const given = input.texts('node').map((text) => text.replace(/^local:\/\//, ''));
  const addresses = given.length > 0 ? given : ['127.0.0.1:8000'];
  const count = atLeastOne(input, 'nodes', 'a service needs at least one node');
  const last = addresses.at(-1) ?? '';
  const colon = last.lastIndexOf(':');
  const port = Number(last.slice(colon + 1));
  const more = Array.from({ length: Math.max(0, count - addresses.length) }, (_, i) =>
    port === 0 ? last : `${last.slice(0, colon)}:${port + i + 1}`,
  );
  return [...addresses, ...more];
}

/** A contract in its sources, and what is deployed of it. */
interface Contract {
  readonly path: string;
  readonly bundle: Bundle;
  readonly options: BuildOptions;
}

/** A debugger wants the sources themselves. */
function buildOptions(inspects: boolean): BuildOptions {
  return inspects ? { sourceMap: 'sources' } : {};
}

async function contractOf(input: Input, io: Io): Promise<Contract | undefined> {
  const given = input.text('jsAppBundle');
  if (given === undefined) {
    if (input.flag('watch')) throw new CliError('Usage', '--watch needs --js-app-bundle: what to watch');
    return undefined;
  }
  io.progress(`building ${contractName(given)} ...`);
  const path = resolve(io.directory, given);
  const options = buildOptions(input.flag('inspect'));
  return { path, options, bundle: (await buildBundle(path, options)).bundle };
}

/** What the given folder lacks comes from the default constitution: variants differ in one script. */
function constitutionOf(input: Input, io: Io): readonly string[] {
  const given = input.text('constitutionDir');
  const variant = given === undefined ? `${samples}/constitutions/sandbox` : resolve(io.directory, given);
  return constitutionFiles([variant, `${samples}/constitutions/default`]);
}

function atLeastOne(input: Input, option: string, why: string): number {
  const count = input.whole(option) ?? 1;
  if (count > 0) return count;
  throw new CliError('Usage', why);
}

/** Commands that follow need no address and no keys: they take the profile `dev`. */
function saveProfile(io: Io, urls: readonly string[], workspace: Workspace): void {
  const config = readConfig(io);
  const [user] = workspace.users;
  const [member] = workspace.members;
  const who = user ?? member;
  const keys = who === undefined ? {} : { cert: who.cert, key: who.key };
  const common = { addresses: urls, serviceCert: workspace.serviceCert };
  const encryption = member === undefined ? {} : { encryptionKey: member.encryptionKey };
  const asMember = member === undefined ? {} : { cert: member.cert, key: member.key, ...encryption };
  writeConfig(io, {
    current: config.current ?? 'dev',
    profiles: {
      ...config.profiles,
      dev: { ...common, ...keys },
      'dev-member': { ...common, ...asMember },
    },
  });
}

function welcome(urls: readonly string[], workspace: Workspace): string {
  const user = workspace.users[0] ?? workspace.members[0];
  const [url] = urls;
  return [
    '',
    facts([
      ['serving', urls.join(' ')],
      ['workspace', workspace.folder],
      ['profiles', 'dev (user0), dev-member (member0)'],
    ]),
    '',
    'try',
    '  coco service info --profile dev',
    `  curl ${url}/node/network --cacert ${workspace.serviceCert}`,
    `  curl ${url}/app/api --cacert ${workspace.serviceCert} --cert ${user?.cert} --key ${user?.key}`,
    '',
    'Ctrl-C stops it',
  ].join('\n');
}
