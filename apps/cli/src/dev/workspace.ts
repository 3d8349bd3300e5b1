import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { encryptionKey, identity } from '../commands/key.ts';
import { CliError } from '../errors.ts';

/** Someone who takes part, with the files of its keys. */
export interface Person {
  readonly name: string;
  readonly cert: string;
  readonly key: string;
}

/** A member, which has an encryption key as well. */
export interface MemberPerson extends Person {
  readonly encryptionCert: string;
  readonly encryptionKey: string;
}

/** The folders of a sandbox, named as CCF's sandbox names them, so that scripts find what they expect. */
export interface Workspace {
  /** Where all of it lies. */
  readonly folder: string;
  /** Keys and the service certificate: `sandbox_common`. */
  readonly common: string;
  /** What the first node writes: `sandbox_0`. */
  readonly node: string;
  readonly serviceCert: string;
  readonly members: readonly MemberPerson[];
  readonly users: readonly Person[];
}

const days = 365;

/** The members and users of a sandbox. */
export interface People {
  readonly members: number;
  readonly users: number;
}

/**
 * Prepares the folders: those of nodes are emptied, since a node never continues as the one it was; keys that are
 * there from the last time stay. Throws `Failed` while nodes of the folder run.
 */
export function prepareWorkspace(folder: string, people: People, now: number): Workspace {
  refuseWhileNodesRun(folder);
  for (const node of nodeFoldersIn(folder)) removeNodeFolder(node);
  rmSync(join(folder, 'sandbox_common', 'service_cert.pem'), { force: true });
  return openWorkspace(folder, people, now);
}

/** The same without emptying anything: to go on with the ledgers that are there. */
export function openWorkspace(folder: string, people: People, now: number): Workspace {
  refuseWhileNodesRun(folder);
  const common = join(folder, 'sandbox_common');
  const node = nodeFolder(folder, 0);
  for (const directory of [common, node]) mkdirSync(directory, { recursive: true });
  const serviceCert = join(common, 'service_cert.pem');
  const members = Array.from({ length: people.members }, (_, i) => member(common, `member${i}`, now));
  const users = Array.from({ length: people.users }, (_, i) => person(common, `user${i}`, now));
  return { folder, common, node, serviceCert, members, users };
}

/** What the node of that place writes. */
export function nodeFolder(folder: string, index: number): string {
  return join(folder, `sandbox_${index}`);
}

function nodeFoldersIn(folder: string): readonly string[] {
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return names.filter((name) => /^sandbox_[0-9]+$/.test(name)).map((name) => join(folder, name));
}

/** Another terminal may be at work in the folder, or a tool that was killed may have left its nodes behind. */
function refuseWhileNodesRun(folder: string): void {
  const running = nodeFoldersIn(folder).flatMap((node) => processOf(node) ?? []);
  if (running.length === 0) return;
  const pids = running.join(' ');
  throw new CliError(
    'Failed',
    `nodes run in ${folder}: stop what started them, or, if that is gone: kill ${pids}`,
  );
}

/** The process of the node in that folder, if it runs. A number alone may have become another program's. */
function processOf(node: string): number | undefined {
  const pid = Number(tail(join(node, 'node.pid'), 1) || Number.NaN);
  const command = `/proc/${pid}/cmdline`;
  if (!Number.isSafeInteger(pid) || !existsSync(command)) return undefined;
  return readFileSync(command, 'utf8').includes(join(basename(node), 'config.json')) ? pid : undefined;
}

/** Only a folder that a sandbox made is removed. */
function removeNodeFolder(node: string): void {
  const ours = existsSync(join(node, 'config.json')) || readdirSync(node).length === 0;
  if (!ours) throw new CliError('Failed', `${node} is not a sandbox's folder: choose another --workspace`);
  rmSync(node, { recursive: true });
}

function person(common: string, name: string, now: number): Person {
  const cert = join(common, `${name}_cert.pem`);
  const key = join(common, `${name}_privk.pem`);
  if (!existsSync(cert) || !existsSync(key)) {
    const made = identity(name, 'P-256', days, now);
    writeFileSync(key, made.privateKey, { mode: 0o600 });
    writeFileSync(cert, made.certificate);
  }
  return { name, cert, key };
}

function member(common: string, name: string, now: number): MemberPerson {
  const encryptionCert = join(common, `${name}_enc_pubk.pem`);
  const key = join(common, `${name}_enc_privk.pem`);
  if (!existsSync(encryptionCert) || !existsSync(key)) {
    const made = encryptionKey();
    writeFileSync(key, made.privateKey, { mode: 0o600 });
    writeFileSync(encryptionCert, made.publicKey);
  }
  return { ...person(common, name, now), encryptionCert, encryptionKey: key };
}

/** The scripts of a constitution, in their order; each from the first folder that has it. */
export function constitutionFiles(folders: readonly string[]): readonly string[] {
  const names = ['actions.js', 'validate.js', 'resolve.js', 'apply.js'];
  return names.map((name) => {
    const found = folders.map((folder) => join(folder, name)).find((file) => existsSync(file));
    if (found !== undefined) return found;
    throw new CliError('Failed', `the constitution has no ${name} in ${folders.join(' or ')}`);
  });
}

/** The section `command` of a configuration. */
export type NodeCommand = { readonly type: 'Start' | 'Join' | 'Recover' } & Readonly<Record<string, unknown>>;

/** Begins a service of the workspace's members; so many of them together bring it back from a disaster. */
export function startCommand(
  { members, serviceCert }: Workspace,
  constitution: readonly string[],
  recoveryThreshold = 1,
): NodeCommand {
  return {
    type: 'Start',
    service_certificate_file: serviceCert,
    start: {
      constitution_files: constitution,
      members: members.map(({ cert, encryptionCert }) => ({
        certificate_file: cert,
        encryption_public_key_file: encryptionCert,
      })),
      service_configuration: {
        recovery_threshold: recoveryThreshold,
        maximum_node_certificate_validity_days: 365,
        maximum_service_certificate_validity_days: 365,
      },
      initial_service_certificate_validity_days: 90,
    },
  };
}

/** Joins the service of the workspace by a node that serves at `target`. */
export function joinCommand({ serviceCert }: Workspace, target: string): NodeCommand {
  return {
    type: 'Join',
    service_certificate_file: serviceCert,
    join: { target_rpc_address: target, retry_timeout: '100ms' },
  };
}

/** Brings a lost service back, whose certificate is in the file `previous`. */
export function recoverCommand({ serviceCert }: Workspace, previous: string): NodeCommand {
  return {
    type: 'Recover',
    service_certificate_file: serviceCert,
    recover: { initial_service_certificate_validity_days: 90, previous_service_identity_file: previous },
  };
}

/** The configuration of a node of a sandbox, in CCF's format. */
export function nodeConfiguration(
  folder: string,
  { address, command }: { readonly address: string; readonly command: NodeCommand },
): Record<string, unknown> {
  const host = address.slice(0, address.lastIndexOf(':'));
  return {
    network: {
      node_to_node_interface: { bind_address: `${host}:0` },
      rpc_interfaces: { primary_rpc_interface: { bind_address: address } },
    },
    command,
    node_certificate: {
      subject_alt_names: alternativeNames(host),
      initial_validity_days: 90,
    },
    ledger: { directory: join(folder, 'ledger') },
    snapshots: { directory: join(folder, 'snapshots') },
    output_files: {
      node_certificate_file: join(folder, 'nodecert.pem'),
      pid_file: join(folder, 'node.pid'),
      rpc_addresses_file: join(folder, 'rpc_addresses.json'),
    },
  };
}

/**
 * Has a node that recovers read the ledgers of the other nodes as well. Its own may lack what was committed before it
 * joined, or while it was gone, and with that the secrets of the time before.
 */
export function readLedgersBeside(configuration: Record<string, unknown>): void {
  const { command, ledger } = configuration as {
    readonly command: NodeCommand;
    readonly ledger: { readonly directory: string };
  };
  if (command.type !== 'Recover') return;
  const node = dirname(ledger.directory);
  const others = nodeFoldersIn(dirname(node)).filter((other) => other !== node);
  const ledgers = others.map((other) => join(other, 'ledger')).filter((folder) => existsSync(folder));
  configuration.ledger = { ...ledger, read_only_directories: ledgers };
}

function alternativeNames(host: string): readonly string[] {
  const bare = host.replace(/^\[|\]$/g, '');
  const named = /^[0-9.]+$/.test(bare) || bare.includes(':') ? `iPAddress:${bare}` : `dNSName:${bare}`;
  return [...new Set([named, 'iPAddress:127.0.0.1', 'dNSName:localhost'])];
}

/** The last lines of a file, to say why a node ended. */
export function tail(file: string, lines: number): string {
  return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n') : '';
}
