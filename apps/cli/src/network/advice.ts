import { counted, short } from '../text.ts';
import type { NetworkStanding } from './standing.ts';

/** What an operator should know, or do next, a line each; empty when all is well. */
export function adviceOn({ nodes, primary, service, spare }: NetworkStanding): readonly string[] {
  const trusted = nodes.filter(({ status }) => status === 'Trusted');
  const silent = trusted.filter(({ answers }) => answers === null);
  const pending = nodes.filter(({ status }) => status === 'Pending');
  const voteless = trusted.filter(({ answers, votes }) => answers !== null && !votes);
  const stopping = trusted.filter(({ answers }) => answers?.stopNotice);
  return [
    ...(spare < 0
      ? [
          `most trusted nodes do not answer: nothing is committed. Bring some of them back; ` +
            `if they are lost for good, see: coco network recovery --help`,
        ]
      : []),
    ...(spare >= 0 && primary === null ? ['no node leads at this moment: an election is under way'] : []),
    ...(spare === 0 && trusted.length > 1
      ? ['one more loss stops the service: replace what does not answer or vote']
      : []),
    ...silent.map(
      ({ id }) => `${short(id)} does not answer; if it is lost for good: coco node retire ${short(id)}`,
    ),
    ...voteless.map(
      ({ id }) => `${short(id)} has no vote: it is catching up, or its platform does not suffice for one`,
    ),
    ...stopping.map(
      ({ id }) => `${short(id)} was asked to stop and waits for: coco node retire ${short(id)}`,
    ),
    ...pending.map(
      ({ id }) => `${short(id)} asks to join; members let it in by: coco node trust ${short(id)}`,
    ),
    ...stateAdvice(service.service_status),
    ...(trusted.length === 1 && service.service_status === 'Open'
      ? ['the service has one node: it stops when that stops, and what is not copied is lost with it']
      : []),
    ...(trusted.length > 1 && trusted.length % 2 === 0
      ? [`${counted(trusted.length, 'node')} bear no more losses than ${trusted.length - 1} do`]
      : []),
  ];
}

function stateAdvice(status: NetworkStanding['service']['service_status']): readonly string[] {
  switch (status) {
    case 'Open':
      return [];
    case 'Opening':
      return ['members open the service by the action transition_service_to_open'];
    case 'Recovering':
      return ['members go on with the recovery by the action transition_service_to_open'];
    case 'WaitingForRecoveryShares':
      return ['members give their shares by: coco governance share'];
  }
}
