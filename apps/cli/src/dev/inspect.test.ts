// A debugger attached to a service of one's own stops in the lines of the author's sources.
import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { place } from '../testing/place.ts';

const root = fileURLToPath(new URL('../../../..', import.meta.url));
const source = `import { defineApp, endpoint } from '@coco/sdk';
export const app = defineApp({
  'GET /double/{n}': endpoint({
    mode: 'readonly',
    auth: [],
    handler({ params }) {
      const doubled = 2 * Number(params.n);
      debugger;
      return { doubled };
    },
  }),
});
`;

/** The debugger's side of the Chrome DevTools protocol. */
class Debugger {
  readonly #socket: WebSocket;
  readonly #answers = new Map<number, (result: Record<string, unknown>) => void>();
  readonly #events: { method: string; params: Record<string, unknown> }[] = [];
  #calls = 0;

  constructor(url: string) {
    this.#socket = new WebSocket(url);
    this.#socket.addEventListener('message', ({ data }) => {
      const message = JSON.parse(String(data));
      if (message.id === undefined) this.#events.push(message);
      else this.#answers.get(message.id)?.(message.result);
    });
  }

  async opened(): Promise<void> {
    await new Promise((resolve) => this.#socket.addEventListener('open', resolve, { once: true }));
  }

  call(method: string, params: object = {}): Promise<Record<string, unknown>> {
    const id = ++this.#calls;
    this.#socket.send(JSON.stringify({ id, method, params }));
    return new Promise((resolve) => this.#answers.set(id, resolve));
  }

  async event(method: string, fits: (params: Record<string, unknown>) => boolean = () => true) {
    for (;;) {
      const found = this.#events.find((event) => event.method === method && fits(event.params));
      if (found !== undefined) return found.params;
      await delay(10);
    }
  }

  close(): void {
    this.#socket.close();
  }
}

test('a debugger stops in a contract, sees its variables, and knows its sources', {
  timeout: 120_000,
}, async () => {
  using here = place();
  symlinkSync(`${root}/node_modules`, here.file('node_modules'));
  mkdirSync(here.file('shop/src'), { recursive: true });
  writeFileSync(here.file('shop/src/app.ts'), source);
  const port = await freePort();
  process.env.COCO_INSPECT = `127.0.0.1:${port}`;
  const running = here.coco('dev', '--js-app-bundle', 'shop', '--inspect', '-n', '127.0.0.1:0');
  const ended = running.then(({ error, out }) => assert.fail(`coco dev ended: ${error}${out}`));
  try {
    while (!here.progress.some((line) => line.includes('a debugger can attach')))
      await Promise.race([delay(20), ended]);
    const targets = (await (await fetch(`http://127.0.0.1:${port}/json`)).json()) as {
      webSocketDebuggerUrl: string;
    }[];
    const tool = new Debugger(targets[0]?.webSocketDebuggerUrl ?? '');
    await tool.opened();
    await tool.call('Debugger.enable');
    const asked = here.coco('transaction', 'get', '/app/double/21', '--profile', 'dev', '--json');
    const paused = await tool.event('Debugger.paused');
    const [frame] = paused.callFrames as { callFrameId: string; location: { scriptId: string } }[];
    const { result } = await tool.call('Debugger.evaluateOnCallFrame', {
      callFrameId: frame?.callFrameId,
      expression: 'doubled',
    });
    assert.equal((result as { value: number }).value, 42);
    const script = await tool.event(
      'Debugger.scriptParsed',
      ({ scriptId }) => scriptId === frame?.location.scriptId,
    );
    const map = JSON.parse(
      Buffer.from(String(script.sourceMapURL).split('base64,')[1] ?? '', 'base64').toString(),
    ) as { sources: string[]; sourcesContent: (string | null)[] };
    const own = map.sources.indexOf(pathToFileURL(here.file('shop/src/app.ts')).href);
    assert.equal(map.sourcesContent[own], source);
    await tool.call('Debugger.resume');
    assert.deepEqual(JSON.parse((await asked).out).body, { doubled: 42 });
    tool.close();
  } finally {
    delete process.env.COCO_INSPECT;
    here.stop();
    await running;
  }
});

test('a debugger is for one node', async () => {
  using here = place();
  const { code, error } = await here.coco('dev', '--inspect', '--nodes', '3');
  assert.deepEqual([code, /one node/.test(error)], [2, true]);
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
