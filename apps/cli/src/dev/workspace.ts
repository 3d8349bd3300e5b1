import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
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
  /** Keys and the service certificate: `sandbox_common`. */
  readonly common: string;
  /** What the node writes: `sandbox_0`. */
  readonly node: string;
  readonly serviceCert: string;
  readonly members: readonly MemberPerson[];
  readonly users: readonly Person[];
}

const days = 365;

/**
 * Prepares the folders: the node's is emptied, since a node never continues as the one it was; keys that
 * are there from the last time stay.
 */
export function prepareWorkspace(
  folder: string,
  people: { readonly members: number; readonly users: number },
  now: number,
): Workspace {
  const common = join(folder, 'sandbox_common');
  const node = join(folder, 'sandbox_0');
  emptyNodeFolder(node);
  mkdirSync(common, { recursive: true });
  const serviceCert = join(common, 'service_cert.pem');
  rmSync(serviceCert, { force: true });
  const members = Array.from({ length: people.members }, (_, i) => member(common, `member${i}`, now));
  const users = Array.from({ length: people.users }, (_, i) => person(common, `user${i}`, now));
  return { common, node, serviceCert, members, users };
}

/** Only a folder that a sandbox made is emptied. */
function emptyNodeFolder(node: string): void {
  if (existsSync(node)) {
    const ours = existsSync(join(node, 'config.json')) || readdirSync(node).length === 0;
    if (!ours) throw new CliError('Failed', `${node} is not a sandbox's folder: choose another --workspace`);
    rmSync(node, { recursive: true });
  }
  mkdirSync(node, { recursive: true });
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

/** The configuration of the one node of a sandbox, in CCF's format. */
export function nodeConfiguration(
  workspace: Workspace,
  options: { readonly address: string; readonly constitution: readonly string[] },
): object {
  const { members, node, serviceCert } = workspace;
  return {
    network: {
      node_to_node_interface: { bind_address: '127.0.0.1:0' },
      rpc_interfaces: { primary_rpc_interface: { bind_address: options.address } },
    },
    command: {
      type: 'Start',
      service_certificate_file: serviceCert,
      start: {
        constitution_files: options.constitution,
        members: members.map(({ cert, encryptionCert }) => ({
          certificate_file: cert,
          encryption_public_key_file: encryptionCert,
        })),
        service_configuration: {
          recovery_threshold: 1,
          maximum_node_certificate_validity_days: 365,
          maximum_service_certificate_validity_days: 365,
        },
        initial_service_certificate_validity_days: 90,
      },
    },
    node_certificate: {
      subject_alt_names: ['iPAddress:127.0.0.1', 'dNSName:localhost'],
      initial_validity_days: 90,
    },
    ledger: { directory: join(node, 'ledger') },
    snapshots: { directory: join(node, 'snapshots') },
    output_files: {
      node_certificate_file: join(node, 'nodecert.pem'),
      pid_file: join(node, 'node.pid'),
      rpc_addresses_file: join(node, 'rpc_addresses.json'),
    },
  };
}

/** The last lines of a file, to say why a node ended. */
export function tail(file: string, lines: number): string {
  return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n') : '';
}
