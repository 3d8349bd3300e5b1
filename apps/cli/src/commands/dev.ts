import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Input, Io, Noun, Outcome } from '../command.ts';
import { withConnection } from '../connection.ts';
import { type Bundle, buildBundle, contractName } from '../contract/bundle.ts';
import { NodeProcess, nodeExecutable } from '../dev/node-process.ts';
import { openService, text } from '../dev/open-service.ts';
import { constitutionFiles, nodeConfiguration, prepareWorkspace, type Workspace } from '../dev/workspace.ts';
import { CliError } from '../errors.ts';
import { readConfig, writeConfig } from '../profiles.ts';
import { counted, facts } from '../text.ts';

const samples = fileURLToPath(new URL('../../../../samples', import.meta.url));
const startMs = 30_000;

/** `coco dev`: a service on this machine. The options are those of CCF's sandbox, and ours. */
export const dev: Noun = {
  verbs: [
    {
      name: 'dev',
      summary: 'Run a service with one node on this machine until Ctrl-C',
      example: 'dev --js-app-bundle samples/contracts/logging',
      options: [
        {
          flags: '--js-app-bundle <dir>',
          summary: 'the contract: a folder with src/app.ts or app.json, or a bundle',
        },
        { flags: '-n, --node <address>', summary: 'host:port to serve on', default: '127.0.0.1:8000' },
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
        { flags: '--once', summary: 'stop as soon as the service is open, to try whether it opens' },
      ],
      run,
    },
  ],
};

async function run(input: Input, io: Io): Promise<Outcome> {
  const bundle = await contractOf(input, io);
  const constitution = constitutionOf(input, io);
  const people = {
    members: atLeastOne(input, 'initialMemberCount'),
    users: input.whole('initialUserCount') ?? 1,
  };
  const folder = resolve(io.directory, input.text('workspace') ?? 'workspace');
  const workspace = prepareWorkspace(folder, people, Date.now());
  const address = (input.text('node') ?? '127.0.0.1:8000').replace(/^local:\/\//, '');
  // From here on Ctrl-C is ours: the node has a process group of its own and must be stopped by us.
  const stopped = io.untilStopped().then(() => 'stopped' as const);
  io.progress('starting a node ...');
  const configuration = nodeConfiguration(workspace, { address, constitution });
  const given = input.text('package');
  const executable = given === undefined ? nodeExecutable : resolve(io.directory, given);
  await using node = new NodeProcess(workspace.node, configuration, executable);
  const url = await Promise.race([open(io, node, workspace, bundle), stopped]);
  if (url === 'stopped') return { ok: false, json: { stopped: true }, text: 'stopped before it was open' };
  saveProfile(io, url, workspace);
  const json = { address: url, workspace: folder, serviceCert: workspace.serviceCert, profile: 'dev' };
  if (input.flag('once')) return { ok: true, json, text: 'the service opened' };
  io.progress(welcome(url, workspace, folder));
  await Promise.race([stopped, node.ended]);
  if (!node.running) throw node.died();
  return { ok: true, json, text: 'stopped' };
}

/** Resolves with the address once the service is open; rejects when the node ends before. */
async function open(
  io: Io,
  node: NodeProcess,
  workspace: Workspace,
  bundle: Bundle | undefined,
): Promise<string> {
  const { members, serviceCert, users } = workspace;
  const url = await node.address(serviceCert, startMs);
  const people = `${counted(members.length, 'member')} and ${counted(users.length, 'user')}`;
  io.progress(`opening the service with ${people} ...`);
  const connection = {
    addresses: [url],
    serviceCertificate: text(serviceCert),
    client: undefined,
    jwt: undefined,
  };
  const opening = withConnection(connection, io, (session) => openService(session, workspace, bundle));
  const died = node.ended.then(() => {
    throw node.died();
  });
  await Promise.race([opening, died]);
  return url;
}

async function contractOf(input: Input, io: Io): Promise<Bundle | undefined> {
  const given = input.text('jsAppBundle');
  if (given === undefined) return undefined;
  io.progress(`building ${contractName(given)} ...`);
  return (await buildBundle(resolve(io.directory, given))).bundle;
}

/** What the given folder lacks comes from the default constitution: variants differ in one script. */
function constitutionOf(input: Input, io: Io): readonly string[] {
  const given = input.text('constitutionDir');
  const variant = given === undefined ? `${samples}/constitutions/sandbox` : resolve(io.directory, given);
  return constitutionFiles([variant, `${samples}/constitutions/default`]);
}

function atLeastOne(input: Input, option: string): number {
  const count = input.whole(option) ?? 1;
  if (count > 0) return count;
  throw new CliError('Usage', 'a service needs at least one member');
}

/** Commands that follow need no address and no keys: they take the profile `dev`. */
function saveProfile(io: Io, url: string, workspace: Workspace): void {
  const config = readConfig(io);
  const [user] = workspace.users;
  const [member] = workspace.members;
  const who = user ?? member;
  const keys = who === undefined ? {} : { cert: who.cert, key: who.key };
  const common = { addresses: [url], serviceCert: workspace.serviceCert };
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

function welcome(url: string, workspace: Workspace, folder: string): string {
  const user = workspace.users[0] ?? workspace.members[0];
  return [
    '',
    facts([
      ['serving', url],
      ['workspace', folder],
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
