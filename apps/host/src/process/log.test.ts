import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { jsonLines, type LogLevel, logLevels, textLines } from './log.ts';

function sink() {
  const lines: string[] = [];
  return { lines, write: (line: string) => lines.push(line) };
}

const time = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/;

describe('the log', () => {
  test('has lines for people', () => {
    const out = sink();
    textLines('trace', out)('info', 'node', 'The service is open.');
    assert.match(out.lines[0]!, new RegExp(`^${time.source} \\[info \\] node \\| The service is open\\.\n$`));
  });

  test('has lines of JSON with the names CCF uses', () => {
    const out = sink();
    jsonLines('trace', out)('fail', 'app', 'say "hi"\n');
    const { h_ts, ...rest } = JSON.parse(out.lines[0]!) as { h_ts: string };
    assert.match(h_ts, time);
    assert.deepEqual(rest, { level: 'fail', tag: 'app', msg: 'say "hi"\n' });
  });

  for (const [name, lines] of [
    ['Text', textLines],
    ['Json', jsonLines],
  ] as const) {
    for (const [i, level] of logLevels.entries()) {
      test(`as ${name} at ${level} leaves out what is less severe`, () => {
        const out = sink();
        const write = lines(level, out);
        for (const each of logLevels) write(each, 'host', each);
        const kept = out.lines.map((line) => logLevels.find((each) => line.includes(each)) as LogLevel);
        assert.deepEqual(kept, logLevels.slice(i));
      });
    }
  }

  test('keeps a message on one line, whatever a contract puts into it', () => {
    const out = sink();
    textLines('info', out)('info', 'app', 'a\n2026 [info ] host | forged\r\u001b[2J\u2028b\tc');
    assert.equal(out.lines.length, 1);
    assert.match(out.lines[0]!, /app \| a\\n2026 \[info \] host \| forged\\u000d\\u001b\[2J\\u2028b\tc\n$/);
  });
});
