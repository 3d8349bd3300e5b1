import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Router } from './router.ts';
import { decodeQuery, parseTarget } from './target.ts';

describe('Router', () => {
  const router = new Router<string>();
  router.add('GET', '/log', 'list');
  router.add('POST', '/log', 'write');
  router.add('GET', '/log/{id}', 'read');
  router.add('POST', '/proposals/{id}:withdraw', 'withdraw');
  router.add('POST', '/proposals/{id}/ballots/{member}:submit', 'vote');
  router.add('GET', '/proposals/{id}', 'proposal');
  router.add('GET', '/{user}/action/{name}', 'action');
  router.add('GET', '/twice/{a}', 'one');
  router.add('GET', '/{b}/same', 'two');

  const cases: [string, string, unknown][] = [
    ['GET', '/log', { kind: 'found', value: 'list', params: {} }],
    ['POST', '/log', { kind: 'found', value: 'write', params: {} }],
    ['PUT', '/log', { kind: 'method-not-allowed', allow: ['OPTIONS', 'GET', 'POST'] }],
    ['GET', '/log/7', { kind: 'found', value: 'read', params: { id: '7' } }],
    ['GET', '/log/a%2Fb', { kind: 'found', value: 'read', params: { id: 'a%2Fb' } }],
    ['GET', '/log/', { kind: 'not-found' }],
    ['GET', '/log/7/8', { kind: 'not-found' }],
    ['POST', '/proposals/ab:withdraw', { kind: 'found', value: 'withdraw', params: { id: 'ab' } }],
    ['GET', '/proposals/ab:withdraw', { kind: 'found', value: 'proposal', params: { id: 'ab:withdraw' } }],
    ['DELETE', '/proposals/ab:withdraw', { kind: 'method-not-allowed', allow: ['OPTIONS', 'POST', 'GET'] }],
    ['POST', '/proposals/a:b:withdraw', { kind: 'method-not-allowed', allow: ['OPTIONS', 'GET'] }],
    [
      'POST',
      '/proposals/p/ballots/m:submit',
      { kind: 'found', value: 'vote', params: { id: 'p', member: 'm' } },
    ],
    ['GET', '/ann/action/read', { kind: 'found', value: 'action', params: { user: 'ann', name: 'read' } }],
    ['GET', '/twice/same', { kind: 'ambiguous', templates: ['/twice/{a}', '/{b}/same'] }],
    ['GET', '/constructor', { kind: 'not-found' }],
    ['GET', '/nothing', { kind: 'not-found' }],
  ];
  for (const [method, path, expected] of cases) {
    test(`${method} ${path}`, () => {
      assert.deepEqual(router.find(method, path), expected);
      assert.deepEqual(router.find(method, path), expected, 'the remembered answer is the same');
    });
  }
});

describe('parseTarget', () => {
  const cases: [string, string, string, string][] = [
    ['/app/log?id=1', 'app', '/log', 'id=1'],
    ['/log?id=1&x', 'app', '/log', 'id=1&x'],
    ['/node/state', 'node', '/state', ''],
    ['/gov/x?api-version=1', 'gov', '/x', 'api-version=1'],
    ['/nodes', 'app', '/nodes', ''],
    ['/node', 'node', '/', ''],
    ['/', 'app', '/', ''],
    ['/app?', 'app', '/', ''],
  ];
  for (const [target, frontend, path, query] of cases) {
    test(target, () => {
      const parsed = parseTarget(target);
      assert.deepEqual([parsed.frontend, parsed.path, parsed.query], [frontend, path, query]);
    });
  }
});

describe('decodeQuery', () => {
  const cases: [string, string][] = [
    ['x=1&y=%41', 'x=1&y=A'],
    ['a+b=%2B', 'a b=+'],
    ['plain', 'plain'],
    ['bad=%zz', 'bad=%zz'],
    ['bad=%ff', 'bad=%ff'],
  ];
  for (const [query, expected] of cases) {
    test(query, () => assert.equal(decodeQuery(query), expected));
  }
});
