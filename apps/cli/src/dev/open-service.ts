import { readFileSync } from 'node:fs';
import { ack, ClientError, keySigner, network, plainBallot, propose, type Session, vote } from '@coco/client';
import type { Bundle } from '../contract/bundle.ts';
import { CliError } from '../errors.ts';
import type { Person, Workspace } from './workspace.ts';

const pollMs = 20;

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
  for (const signer of signers) await signedYet(session, () => ack(session, signer));
  const [proposer, ...others] = signers;
  if (proposer === undefined) throw new CliError('Usage', 'a service needs a member');
  let { proposalId, proposalState } = await propose(session, proposer, {
    actions: [
      ...workspace.users.map(({ cert }) => ({ name: 'set_user', args: { cert: text(cert) } })),
      ...(bundle === undefined ? [] : [{ name: 'set_js_app', args: { bundle } }]),
      { name: 'transition_service_to_open', args: { next_service_identity: text(workspace.serviceCert) } },
    ],
  });
  for (const signer of [proposer, ...others]) {
    if (proposalState !== 'Open') break;
    ({ proposalState } = await vote(session, signer, proposalId, plainBallot(true)));
  }
  if (proposalState !== 'Accepted') {
    throw new CliError('Failed', `the members' proposal to open the service is ${proposalState}`);
  }
  await until(session, async () => (await network(session)).service_status === 'Open');
  await until(session, async () => {
    const { status } = await session.request({ method: 'GET', path: '/node/ready/app' });
    return status === 204;
  });
}

/** The digest of the state exists from the first signature on, a moment after the start. */
async function signedYet(session: Session, act: () => Promise<unknown>): Promise<void> {
  await until(session, async () => {
    try {
      await act();
      return true;
    } catch (error) {
      if (error instanceof ClientError && error.refusal?.code === 'InternalError') return false;
      throw error;
    }
  });
}

async function until(session: Session, done: () => Promise<boolean>): Promise<void> {
  const deadline = session.world.now() + 10_000;
  while (!(await done())) {
    if (session.world.now() > deadline) throw new CliError('Failed', 'the service does not open');
    await session.world.sleep(pollMs);
  }
}

/** The contents of a PEM file of the workspace. */
export function text(file: Person['cert']): string {
  return readFileSync(file, 'utf8');
}
