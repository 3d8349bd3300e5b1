import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Store } from '@coco/kv';
import { createEngine } from './index.ts';
import { readSourceMap } from './node/source-map.ts';
import { callOf, emptyWorld } from './testing/stage.ts';

/** Line 3 of the module is line 41 of its source: every segment says source 0, line 41 - 1, column 0. */
const map = { version: 3, sources: ['src/notes.ts'], names: [], mappings: ';;AAwCA' };
const comment = (json: string) =>
  `//# sourceMappingURL=data:application/json;base64,${Buffer.from(json).toString('base64')}\n`;
const source = `
export function fail() {
throw new Error('as planned'); }
`;

const traces: [what: string, comment: string, reads: boolean, place: RegExp][] = [
  ['with a map', comment(JSON.stringify(map)), true, /src\/notes\.ts:41:\d+/],
  ['with a map that nobody can read', comment(JSON.stringify(map)), false, /\/app\.js:3:\d+/],
  ['without a map', '', true, /\/app\.js:3:\d+/],
  ['with what is no map', comment('{"version":'), true, /\/app\.js:3:\d+/],
  [
    'with what is no base64',
    '//# sourceMappingURL=data:application/json;base64,=\n',
    true,
    /\/app\.js:3:\d+/,
  ],
];
for (const [what, ending, reads, place] of traces) {
  test(`a trace of a module ${what}`, () => {
    const engine = createEngine(reads ? { readSourceMap } : {});
    after(() => engine[Symbol.dispose]());
    using app = engine.install(new Map([['/app.js', source + ending]]));
    const store = new Store();
    app.execute([callOf('fail')], {
      world: emptyWorld,
      begin: () => store.begin(),
      settle(_, outcome) {
        assert.ok(outcome.kind === 'failed');
        assert.match(outcome.detail?.trace ?? '', place);
      },
    });
  });
}
