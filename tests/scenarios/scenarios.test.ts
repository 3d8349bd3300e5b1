import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { runCcfScenario } from './ccf-language.ts';
import { rehearse } from './language.ts';

const HERE = import.meta.dirname;
const CCF_SCENARIOS = join(HERE, '../../../shared/data/raft-scenarios');

describe('scenarios print what their files say', () => {
  for (const file of readdirSync(HERE).filter((name) => name.endsWith('.txt'))) {
    test(file, () => {
      const source = readFileSync(join(HERE, file), 'utf8');
      const { rewritten, failure } = rehearse(source);
      assert.equal(failure, null);
      assert.equal(rewritten, source, 'run it with --rewrite to bring it into form');
    });
  }

  test('a line that differs is named', () => {
    const { failure } = rehearse('found a\n----\na is Leader\n');
    assert.equal(failure?.line, 3);
    assert.match(failure.reason, /expected a is Leader, got a is Leader in view 2, leader a/);
  });
});

describe("scenarios in CCF's language hold", () => {
  test('every file recorded from CCF', async (t) => {
    if (!existsSync(CCF_SCENARIOS)) {
      t.skip('the recorded raft scenarios of CCF are not present');
      return;
    }
    const files = readdirSync(CCF_SCENARIOS).filter((name) => !name.endsWith('.md'));
    assert.ok(files.length > 0);
    for (const file of files) {
      await t.test(file, () => {
        assert.equal(runCcfScenario(readFileSync(join(CCF_SCENARIOS, file), 'utf8')).failure, null);
      });
    }
  });

  const failing: [script: string, line: number, reason: RegExp][] = [
    ['start_node,0\n\nassert_commit_idx,0,7 # no', 3, /commit of 0 is 0/],
    ['start_node,0\nfly,0', 2, /unknown command fly/],
    ['replicate,2,data', 1, /no leader in view 2/],
    ['# nobody leads\nloop_until_sync', 2, /no leader/],
    ['start_node,0\nassert_detail,0,leadership_state,Follower', 2, /leadership_state of 0 is Leader/],
    ['start_node,0\nassert_config,0,1,0,1', 2, /0 has \[0\] at 1/],
    ['start_node,0\ntrust_node,2,1\ndisconnect,0,1\nassert_state_sync', 4, /of 0 is 2, of 1 0/],
  ];
  for (const [script, line, reason] of failing) {
    test(`line ${line} of ${JSON.stringify(script)} fails`, () => {
      const { failure } = runCcfScenario(script);
      assert.equal(failure?.line, line);
      assert.match(failure.reason, reason);
    });
  }

  test('a script ends early at ====, and has to come into sync', () => {
    assert.equal(runCcfScenario('start_node,0\n====\nfly,0').failure, null);
  });
});
