import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { InitialMember, NodeFiles } from '@coco/node';
import { HostError, messageOf } from '../errors.ts';
import type { Configuration } from './configuration.ts';

/**
 * Reads the files that the configuration names; relative paths count from the working directory.
 * @throws HostError `File` naming the file
 */
export function readNamedFiles(configuration: Configuration): NodeFiles {
  const { command } = configuration;
  const starting = command.type === 'Start' ? command.start : null;
  return {
    constitution: (starting?.constitution_files ?? []).map(readText).join('\n'),
    members: (starting?.members ?? []).map(
      (member): InitialMember => ({
        certificatePem: readText(member.certificate_file),
        encryptionPublicKeyPem:
          member.encryption_public_key_file && readText(member.encryption_public_key_file),
        data: member.data_json_file && readJson(member.data_json_file),
        recoveryRole: member.recovery_role,
      }),
    ),
    nodeData: configuration.node_data_json_file && readJson(configuration.node_data_json_file),
    serviceData: configuration.service_data_json_file && readJson(configuration.service_data_json_file),
    serviceCertificatePem: serviceCertificate(command),
  };
}

function serviceCertificate(command: Configuration['command']): string | null {
  switch (command.type) {
    case 'Start':
      return null;
    case 'Join':
      return readText(command.service_certificate_file);
    case 'Recover':
      return readText(command.recover.previous_service_identity_file);
  }
}

/** Reads a file of the configuration as text. @throws HostError `File` */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new HostError('File', `${path}: cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readText(path));
  } catch (error) {
    if (error instanceof HostError) throw error;
    throw new HostError('File', `${path}: is not JSON: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * Writes a file of `output_files`, whole or not at all: others wait for it to appear. @throws HostError
 * `File`
 */
export function writeOutput(path: string, text: string): void {
  const draft = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(draft, text);
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw new HostError('File', `${path}: cannot be written: ${messageOf(error)}`, { cause: error });
  }
}
