import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../limits.ts';
import type { LinkedModule } from './link.ts';
import { LinkedBefore } from './linked-before.ts';

test('a module is linked once, and the least recently used make room', () => {
  const forgotten: LinkedModule[] = [];
  const before = new LinkedBefore((module) => forgotten.push(module));
  const source = (name: string) =>
    `export const ${name} = 1; //${'x'.repeat(limits.linkedCharactersMax / 2)}`;
  const [first, second] = [before.link('a', source('one')), before.link('a', source('two'))];
  assert.notEqual(second, first);
  assert.equal(before.link('a', source('one')), first);
  assert.notEqual(before.link('b', 'export const one = 1;'), first);

  before.trim();
  assert.deepEqual(forgotten, [second]);
  before.trim();
  assert.deepEqual(forgotten, [second]);
  assert.equal(before.link('a', source('one')), first);
  assert.notEqual(before.link('a', source('two')), second);
});

test('a module that cannot be linked fails every time', () => {
  const before = new LinkedBefore(() => assert.fail('nothing was linked'));
  for (const _ of [1, 2])
    assert.throws(() => before.link('a', 'export const = 1;'), { code: 'ModuleSyntax' });
  before.trim();
});
