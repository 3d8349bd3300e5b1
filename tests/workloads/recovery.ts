// A node that brings a lost service's public ledger back from its files.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Session } from '@coco/client';
import { httpsTransport, nodeWorld } from '@coco/client/node';
import { NodeProcess } from '../../apps/cli/src/dev/node-process.ts';
import { recoverCommand } from '../../apps/cli/src/dev/workspace.ts';
import type { Service } from './service.ts';

/** A node that has read the public part of a lost service's ledger; disposing stops it. */
export interface Recovering extends AsyncDisposable {
  readonly url: string;
  /** PEM of the identity under which the service begins anew. */
  readonly certificate: string;
  /** Last entry it found in the files. */
  readonly startupSeqno: number;
}

/** Starts a node that recovers the files of a service whose node has ended, and says how far it came. */
export async function recoverFiles(service: Service): Promise<{ readonly startupSeqno: number }> {
  await using recovering = await startRecovery(service);
  return { startupSeqno: recovering.startupSeqno };
}

/** Starts a node that recovers the files of a service whose node has ended. */
export async function startRecovery(service: Service): Promise<Recovering> {
  const { workspace } = service;
  const config = JSON.parse(readFileSync(join(workspace.node, 'config.json'), 'utf8')) as Record<
    string,
    unknown
  >;
  const previous = join(workspace.node, 'previous_service_cert.pem');
  writeFileSync(previous, service.certificate);
  // Gone, so that nobody takes it for that of the service to come.
  rmSync(workspace.serviceCert);
  const recovery = {
    ...config,
    command: recoverCommand(workspace, previous),
  };
  const node = new NodeProcess(workspace.node, recovery);
  try {
    const url = await node.address(workspace.serviceCert, 120_000);
    const certificate = readFileSync(workspace.serviceCert, 'utf8');
    return {
      url,
      certificate,
      startupSeqno: await startupSeqno(url, certificate),
      [Symbol.asyncDispose]: () => node[Symbol.asyncDispose](),
    };
  } catch (error) {
    await node[Symbol.asyncDispose]();
    throw error;
  }
}

async function startupSeqno(url: string, certificate: string): Promise<number> {
  using transport = httpsTransport({ serviceCertificate: certificate });
  const session = new Session(nodeWorld(transport), { addresses: [url], serviceCertificate: certificate });
  for (let attempt = 0; attempt < 5_000; attempt++) {
    try {
      const answer = await session.request({ method: 'GET', path: '/node/state' });
      const state = JSON.parse(new TextDecoder().decode(answer.body)) as {
        state: string;
        startup_seqno: number;
      };
      if (state.state === 'PartOfPublicNetwork') return state.startup_seqno;
    } catch {
      // Not there yet.
    }
    await delay(25);
  }
  throw new Error('the node does not recover');
}
