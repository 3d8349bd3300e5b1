import { createServer } from 'node:http';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { HostPort } from '../configuration/units.ts';
import { type Complain, listenOn } from '../http/listener.ts';

/** One number to be read from outside. */
export interface Metric {
  readonly name: string;
  readonly kind: 'counter' | 'gauge';
  readonly help: string;
  readonly value: number;
  readonly labels?: Readonly<Record<string, string>>;
}

/** Metrics as text of the Prometheus exposition format 0.0.4. */
export function prometheusText(metrics: readonly Metric[]): string {
  const lines: string[] = [];
  let named = '';
  for (const { name, kind, help, value, labels } of metrics) {
    if (name !== named) lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`);
    named = name;
    const pairs = Object.entries(labels ?? {}).map(([key, text]) => `${key}="${escapeLabel(text)}"`);
    lines.push(`${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}`);
  }
  return `${lines.join('\n')}\n`;
}

function escapeLabel(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

/** Time during which the event loop answered nobody, measured while metrics are served. */
function stallMetrics(histogram: ReturnType<typeof monitorEventLoopDelay>): Metric[] {
  const name = 'coco_event_loop_stall_seconds';
  const help = 'Delay of the event loop since the last reading.';
  const quantiles = [50, 99, 100].map(
    (percentile): Metric => ({
      name,
      kind: 'gauge',
      help,
      value: histogram.percentile(percentile) / 1e9,
      labels: { quantile: String(percentile / 100) },
    }),
  );
  histogram.reset();
  return quantiles;
}

/**
 * Serves metrics as plain HTTP; the configuration admits only loopback addresses.
 * @throws HostError `Listen`
 */
export async function serveMetrics(
  where: string,
  collect: () => readonly Metric[],
  complain: Complain,
): Promise<Disposable & { readonly address: HostPort }> {
  const histogram = monitorEventLoopDelay({ resolution: 10 });
  histogram.enable();
  const server = createServer((request, response) => {
    const found = request.method === 'GET' && request.url === '/metrics';
    const text = found ? prometheusText([...collect(), ...stallMetrics(histogram)]) : '';
    response.writeHead(found ? 200 : 404, { 'content-type': 'text/plain; version=0.0.4' }).end(text);
  });
  const address = await listenOn(server, where, 'metrics', complain);
  return {
    address,
    [Symbol.dispose]() {
      histogram.disable();
      server.close();
      server.closeAllConnections();
    },
  };
}
