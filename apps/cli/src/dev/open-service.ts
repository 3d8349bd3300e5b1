import { readFileSync } from 'node:fs';
import { ack, ClientError, keySigner, network, type Session } from '@coco/client';
import type { Bundle } from '../contract/bundle.ts';
import { decide } from './govern.ts';
import { until } from './waiting.ts';
import type { Person, Workspace } from './workspace.ts';

/**
 * Takes a service that was just started to where it serves: members acknowledge, users are added, the
 * contract is installed, the service is opened. All of it goes by governance, as in a consortium.
 */
export async function openService(
  session: Session,
  workspace: Workspace,
  bundle: Bundle | undefined,
): Promise<void> {
  const signers = workspace.members.map(({ cert, key }) => keySigner(text(cert), text(key)));
  for (const signer of signers) await signedYet(() => ack(session, signer));
  await decide(session, signers, [
    ...workspace.users.map(({ cert }) => ({ name: 'set_user', args: { cert: text(cert) } })),
    ...(bundle === undefined ? [] : [{ name: 'set_js_app', args: { bundle } }]),
    { name: 'transition_service_to_open', args: { next_service_identity: text(workspace.serviceCert) } },
  ]);
  await open(session);
}

/** Resolves when the contacted node serves the application of an open service. */
export async function open(session: Session): Promise<void> {
  await until('the service opens', async () => (await network(session)).service_status === 'Open');
  await until('the node serves', async () => {
    const { status } = await session.request({ method: 'GET', path: '/node/ready/app' });
    return status === 204;
  });
}

/** The digest of the state exists from the first signature on, a moment after the start. */
async function signedYet(act: () => Promise<unknown>): Promise<void> {
  await until('the first signature', async () => {
    try {
      await act();
      return true;
    } catch (error) {
      if (error instanceof ClientError && error.refusal?.code === 'InternalError') return false;
      throw error;
    }
  });
}

/** The contents of a PEM file of the workspace. */
export function text(file: Person['cert']): string {
  return readFileSync(file, 'utf8');
}
