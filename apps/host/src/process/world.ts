import type { Event } from '@coco/node';
import type { Channels } from '../channels/channels.ts';
import type { Configuration } from '../configuration/configuration.ts';
import { writeOutput } from '../configuration/named-files.ts';
import type { EvidenceMaker } from '../evidence/evidence.ts';
import type { Listener } from '../http/listener.ts';
import type { LedgerFiles } from '../ledger-files/ledger-files.ts';
import type { ParcelFiles } from '../ledger-files/parcel-files.ts';
import type { SnapshotFiles } from '../ledger-files/snapshot-files.ts';
import type { WorldEffect } from '../turns.ts';
import { fetchResource } from './fetch.ts';
import type { LogLine } from './log.ts';

/** What effects act on. */
export interface WorldParts {
  readonly configuration: Configuration;
  readonly ledger: LedgerFiles;
  readonly snapshots: SnapshotFiles;
  readonly parcels: ParcelFiles;
  readonly listeners: readonly Listener[];
  readonly channels: Channels;
  readonly log: LogLine;
  /** Makes evidence of the platform. */
  readonly attest: EvidenceMaker['attest'];
  /** Tells the node what came of an effect. */
  readonly tell: (event: Event) => void;
  /** The node ended, or must not go on. */
  readonly exit: (code: number, reason: string) => void;
}

/** Carries out what the node asks of the world. */
export function perform(effect: WorldEffect, parts: WorldParts): void {
  const { channels, configuration, ledger, snapshots, parcels, log, tell } = parts;
  switch (effect.kind) {
    case 'append':
      ledger.append(effect);
      break;
    case 'truncate':
      ledger.truncate(effect.seqno);
      break;
    case 'committed':
      ledger.committed(effect.seqno);
      break;
    case 'read-entries':
      ledger.read(effect);
      break;
    case 'write-snapshot': {
      const { name } = effect;
      snapshots.write(name, effect.bytes, () => tell({ kind: 'snapshotted', name }));
      break;
    }
    case 'commit-snapshot':
      snapshots.commit(effect.name, effect.receipt);
      break;
    case 'identity':
      for (const listener of parts.listeners) listener.setIdentity(effect.authority, effect);
      if (effect.authority === 'Node') channels.setIdentity(effect);
      break;
    case 'output':
      writeOutput(outputPath(effect.file, configuration), effect.text);
      break;
    case 'fetch': {
      const { id } = effect;
      const own = effect.presentsNode ? channels.identity : null;
      void fetchResource(effect, own).then((result) => tell({ kind: 'fetched', id, result }));
      break;
    }
    case 'read-snapshot': {
      const { id, snapshot, from, to } = effect;
      snapshots.read(snapshot, { from, to }, (found) => tell({ kind: 'snapshot-read', id, ...found }));
      break;
    }
    case 'keep-parcels': {
      const { id } = effect;
      parcels.keep(effect.parcels, (error) =>
        tell({ kind: 'parcels-kept', id, ...(error === undefined ? {} : { error }) }),
      );
      break;
    }
    case 'read-parcels': {
      const { id } = effect;
      parcels.read(effect.paths, (found) => tell({ kind: 'parcels-read', id, parcels: found }));
      break;
    }
    case 'list-parcels': {
      const { id } = effect;
      parcels.list(effect.folder, (names) => tell({ kind: 'parcels-listed', id, names }));
      break;
    }
    case 'drop-parcels':
      parcels.drop(effect);
      break;
    case 'begin-ledger':
      ledger.begin(effect.after);
      break;
    case 'peers':
      channels.setPeers(effect.nodes);
      break;
    case 'send':
      channels.send(effect.to, effect.message);
      break;
    case 'attest': {
      const { id } = effect;
      void parts
        .attest(effect.reportData, effect.credential)
        .then((result) => tell({ kind: 'attested', id, result }));
      break;
    }
    case 'log':
      log(effect.level, effect.source, effect.message);
      break;
    case 'exit':
      parts.exit(effect.code, effect.reason);
      break;
    default:
      effect satisfies never;
  }
}

function outputPath(file: 'service-certificate' | 'node-certificate', configuration: Configuration): string {
  return file === 'service-certificate'
    ? configuration.command.service_certificate_file
    : configuration.output_files.node_certificate_file;
}
