import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NodeConfig, NodeFiles } from '@coco/node';
import { parseConfiguration } from '../../../apps/host/src/configuration/configuration.ts';
import { boundConfiguration } from '../../../apps/host/src/process/bound-configuration.ts';
import type { Machine } from './machine.ts';
import type { Parameters } from './parameters.ts';
import type { Member } from './people.ts';

const samples = join(import.meta.dirname, '../../../samples/constitutions');
const scripts = ['actions.js', 'validate.js', 'resolve.js', 'apply.js'].map((name) => `default/${name}`);
const constitution = [scripts[0]!, 'virtual/actions.js', ...scripts.slice(1)]
  .map((name) => readFileSync(join(samples, name), 'utf8'))
  .join('\n');

const primary = { kind: 'NodeByRole', target: { role: 'primary' } };

/** What a node process is to do. */
export type Command =
  | { readonly type: 'Start'; readonly members: readonly Member[] }
  | { readonly type: 'Recover'; readonly serviceCertificate: string }
  | { readonly type: 'Join'; readonly serviceCertificate: string; readonly target: Machine };

/** The configuration of a node as its daemon would have read it from a file. */
export function configurationOf(machine: Machine, command: Command, parameters: Parameters): NodeConfig {
  const address = { bind_address: machine.address };
  const text = JSON.stringify({
    network: {
      node_to_node_interface: address,
      rpc_interfaces: {
        main: {
          ...address,
          ...(parameters.forwards ? {} : { redirections: { to_primary: primary } }),
        },
      },
    },
    command: commandOf(command, parameters),
    consensus: {
      message_timeout: `${parameters.heartbeatMs}ms`,
      election_timeout: `${parameters.electionMs}ms`,
    },
    ledger: { chunk_size: `${parameters.chunkBytes}B` },
    snapshots: { tx_count: parameters.snapshotTxCount },
    ledger_signatures: {
      tx_count: parameters.signatureTxCount,
      delay: `${parameters.signatureDelayMs}ms`,
    },
  });
  const configuration = parseConfiguration(text, machine.name);
  const [host = '', port = ''] = machine.address.split(':');
  const bound = { host, port: Number(port) };
  return boundConfiguration(configuration, { nodeToNode: bound, rpc: new Map([['main', bound]]) });
}

function commandOf(command: Command, { threshold }: Parameters): object {
  switch (command.type) {
    case 'Start':
      return {
        type: 'Start',
        start: {
          constitution_files: ['constitution.js'],
          members: command.members.map(() => ({ certificate_file: 'member.pem' })),
          service_configuration: { recovery_threshold: threshold },
        },
      };
    case 'Recover':
      return { type: 'Recover', recover: { previous_service_identity_file: 'service_cert.pem' } };
    case 'Join':
      return {
        type: 'Join',
        service_certificate_file: 'service_cert.pem',
        join: {
          target_rpc_address: command.target.address,
          retry_timeout: '500ms',
          fetch_snapshot_retry_interval: '200ms',
        },
      };
  }
}

/** The files that the configuration names. */
export function filesOf(command: Command): NodeFiles {
  const members = command.type === 'Start' ? command.members : [];
  return {
    constitution: command.type === 'Start' ? constitution : '',
    members: members.map(({ certificate, encryptionKey }) => ({
      certificatePem: certificate,
      encryptionPublicKeyPem: encryptionKey.publicKey.pem,
      data: null,
      recoveryRole: null,
    })),
    nodeData: null,
    serviceData: null,
    serviceCertificatePem: command.type === 'Start' ? null : command.serviceCertificate,
  };
}
