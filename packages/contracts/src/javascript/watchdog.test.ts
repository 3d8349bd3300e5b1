import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import ivm from 'isolated-vm';
import { Watchdog } from './watchdog.ts';

/** An isolate with a function in it, watched. */
function watched(limitMs: number, source: string) {
  const isolate = new ivm.Isolate({ memoryLimit: 16 });
  const context = isolate.createContextSync();
  const call = isolate.compileScriptSync(source).runSync(context, { reference: true }) as unknown;
  const watchdog = new Watchdog(isolate, limitMs);
  const enter = (...args: number[]): boolean => {
    watchdog.begin();
    try {
      (call as ivm.Reference).applySync(undefined, args);
    } catch (error) {
      assert.match(String(error), /disposed/);
    }
    return watchdog.end();
  };
  return { isolate, watchdog, enter };
}

const spin = `(ms) => { const end = Date.now() + ms; while (Date.now() < end); }`;

test('what takes longer than the limit is ended, and not much later', () => {
  for (const limitMs of [1, 10, 200]) {
    const { isolate, enter, watchdog } = watched(limitMs, '() => { for (;;); }');
    const start = performance.now();
    assert.equal(enter(), false);
    const took = performance.now() - start;
    assert.ok(took >= limitMs && took < limitMs + 2000, `ended after ${took} ms of ${limitMs}`);
    assert.equal(isolate.isDisposed, true);
    watchdog[Symbol.dispose]();
  }
});

test('what takes less is not, however many come one after the other, and each has its own time', () => {
  const { enter, watchdog } = watched(400, spin);
  for (let count = 0; count < 20_000; count++) assert.equal(enter(0), true);
  for (let count = 0; count < 7; count++) assert.equal(enter(100), true);
  assert.equal(enter(60_000), false);
  watchdog[Symbol.dispose]();
});

test('it keeps no process alive, and watches again after it had nothing to do', () => {
  // The process has nothing left to do only once nobody watches any more.
  const source = `
    import ivm from 'isolated-vm';
    import { Watchdog } from ${JSON.stringify(new URL('./watchdog.ts', import.meta.url))};
    const isolate = new ivm.Isolate({ memoryLimit: 16 });
    const call = isolate.compileScriptSync('(endless) => { while (endless); }');
    const enter = call.runSync(isolate.createContextSync(), { reference: true });
    const watchdog = new Watchdog(isolate, 100);
    const run = (endless) => {
      watchdog.begin();
      try { enter.applySync(undefined, [endless]); } catch {}
      return watchdog.end();
    };
    console.log(run(false));
    process.once('beforeExit', () => {
      console.log(run(false));
      process.once('beforeExit', () => console.log(run(true)));
    });`;
  const args = ['--no-node-snapshot', '--input-type=module', '--eval', source];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, {
    cwd: import.meta.dirname,
    timeout: 60_000,
  });
  assert.equal(stdout.toString(), 'true\ntrue\nfalse\n', stderr.toString());
  assert.equal(status, 0);
});
