import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { helpText, parseCommandLine } from './command-line.ts';

describe('the command line', () => {
  const defaults = { kind: 'run', configPath: 'c.json', configTimeoutMs: 0, check: false, logLevel: 'info' };
  for (const [line, command] of [
    ['--config c.json', defaults],
    ['-c c.json', defaults],
    ['--config=c.json --check', { ...defaults, check: true }],
    [
      '--config c.json --log-level fail --config-timeout 10s',
      { ...defaults, logLevel: 'fail', configTimeoutMs: 10_000 },
    ],
    ['--config c.json --log-level Debug', { ...defaults, logLevel: 'debug' }],
    ['-v', { kind: 'version' }],
    ['--version --config c.json', { kind: 'version' }],
    ['-h', { kind: 'help' }],
  ] as const) {
    test(`"${line}" is understood`, () => {
      assert.deepEqual(parseCommandLine(line.split(' ')), command);
    });
  }

  for (const [line, message] of [
    ['', /--config FILE is required/],
    ['--config', /--config/],
    ['--confg c.json', /--confg/],
    ['c.json', /c\.json/],
    ['-c c.json --log-level loud', /--log-level: expected one of trace, debug, info, fail, fatal/],
    ['-c c.json --config-timeout 10', /--config-timeout: expected a duration/],
  ] as const) {
    test(`"${line}" is refused, pointing at the help`, () => {
      const args = line === '' ? [] : line.split(' ');
      assert.throws(() => parseCommandLine(args), { code: 'Configuration', message });
      assert.throws(() => parseCommandLine(args), { message: /see coco-node --help/ });
    });
  }

  test('the help names every option', () => {
    for (const option of ['--config', '--config-timeout', '--check', '--log-level', '--version', '--help']) {
      assert.ok(helpText.includes(option), option);
    }
  });
});
