// A node that brings a lost service's public ledger back from its files.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Session } from '@coco/client';
import { httpsTransport, nodeWorld } from '@coco/client/node';
import { NodeProcess } from '../../apps/cli/src/dev/node-process.ts';
import type { Service } from './service.ts';

/** Starts a node that recovers the files of a service whose node has ended, and says how far it came. */
export async function recoverFiles(service: Service): Promise<{ readonly startupSeqno: number }> {
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
    command: {
      type: 'Recover',
      service_certificate_file: workspace.serviceCert,
      recover: { previous_service_identity_file: previous },
    },
  };
  writeFileSync(join(workspace.node, 'rpc_addresses.json'), '');
  await using node = new NodeProcess(workspace.node, recovery);
  const url = await node.address(workspace.serviceCert, 120_000);
  // Awaited here: the node ends when this function does.
  return { startupSeqno: await startupSeqno(url, workspace.serviceCert) };
}

async function startupSeqno(url: string, serviceCert: string): Promise<number> {
  for (let attempt = 0; attempt < 5_000; attempt++) {
    const certificate = readFileSync(serviceCert, 'utf8');
    using transport = httpsTransport({ serviceCertificate: certificate });
    const session = new Session(nodeWorld(transport), { addresses: [url], serviceCertificate: certificate });
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
