import { getHeapStatistics } from 'node:v8';
import type { HostFacts } from '@coco/node';
import type { ChannelFacts } from '../channels/channels.ts';
import type { LedgerFilesFacts } from '../ledger-files/ledger-files.ts';
import type { TurnFacts } from '../turns.ts';
import type { Metric } from './metrics.ts';

/** Memory of the process now; `peak` is the most seen so far. */
export function memoryFacts(peak: number): HostFacts['memory'] {
  const { heap_size_limit: limit, used_heap_size: used } = getHeapStatistics();
  return { limit, used, peak: Math.max(peak, used) };
}

/** What the daemon counts, for Prometheus. */
export function daemonMetrics(
  turns: TurnFacts,
  ledger: LedgerFilesFacts,
  channels: ChannelFacts,
  host: HostFacts,
): Metric[] {
  const counter = (name: string, help: string, value: number): Metric => ({
    name,
    kind: 'counter',
    help,
    value,
  });
  const gauge = (name: string, help: string, value: number): Metric => ({ name, kind: 'gauge', help, value });
  return [
    counter('coco_requests_total', 'Requests handed to the node.', turns.requests),
    counter('coco_responses_total', 'Requests the node answered.', turns.responses),
    counter('coco_turns_total', 'Batches handed to the node.', turns.turns),
    gauge('coco_requests_per_turn_max', 'Requests in the largest batch.', turns.requestsPerTurnMax),
    counter('coco_ledger_entries_total', 'Entries written to the ledger.', ledger.entries),
    counter('coco_ledger_bytes_total', 'Bytes written to the ledger.', ledger.bytes),
    counter('coco_ledger_flushes_total', 'Flushes of the ledger.', ledger.flushes),
    counter('coco_ledger_flush_seconds_total', 'Time spent writing and flushing.', ledger.flushMs / 1000),
    gauge('coco_ledger_flush_seconds_max', 'Slowest flush.', ledger.flushMsMax / 1000),
    counter('coco_ledger_chunks_total', 'Chunks completed.', ledger.chunksCompleted),
    gauge('coco_peers', 'Nodes this one should have a channel to.', channels.peers),
    gauge('coco_channels_up', 'Nodes this one has a channel to.', channels.up),
    counter('coco_channel_dials_total', 'Attempts to reach a node.', channels.dials),
    counter(
      'coco_channel_refusals_total',
      'Connections of others than nodes of the service.',
      channels.refused,
    ),
    counter('coco_channel_messages_sent_total', 'Messages to nodes.', channels.sent),
    counter('coco_channel_bytes_sent_total', 'Bytes of messages to nodes.', channels.sentBytes),
    counter('coco_channel_messages_received_total', 'Messages of nodes.', channels.received),
    counter('coco_channel_bytes_received_total', 'Bytes of messages of nodes.', channels.receivedBytes),
    counter(
      'coco_channel_messages_dropped_total',
      'Messages without a channel, or to a full queue.',
      channels.dropped,
    ),
    gauge('coco_heap_used_bytes', 'Heap in use.', host.memory.used),
    gauge('coco_heap_limit_bytes', 'Heap at which the process ends.', host.memory.limit),
    ...sessionMetrics(host),
  ];
}

function sessionMetrics(host: HostFacts): Metric[] {
  const interfaces = Object.entries(host.sessions.interfaces);
  return [
    ...interfaces.map(
      ([name, { active }]): Metric => ({
        name: 'coco_sessions',
        kind: 'gauge',
        help: 'Open sessions.',
        value: active,
        labels: { interface: name },
      }),
    ),
    ...interfaces.flatMap(([name, { errors }]) =>
      Object.entries(errors).map(
        ([error, value]): Metric => ({
          name: 'coco_session_errors_total',
          kind: 'counter',
          help: 'Requests a door refused.',
          value,
          labels: { interface: name, error },
        }),
      ),
    ),
  ];
}
