// Whom a caller is to audiences: what members say, and never what it says of itself.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Store, type Tx } from '@coco/kv';
import { viewerOfCaller } from './access.ts';
import type { Caller } from './authenticate/caller.ts';
import { accessUsers } from './tables/access.ts';

const idp = 'https://idp.example';

const bearer = (keyIssuer: string, payload: Record<string, unknown>): Caller =>
  ({ policy: 'jwt', jwt: { keyIssuer, header: {}, payload } }) as Caller;

function tables(): Tx {
  const tx = new Store().begin();
  accessUsers.set(tx, `jwt:${idp}:alice`, { party: 'mill', roles: ['auditor'] });
  accessUsers.set(tx, `jwt:${idp}:8443:bob`, { party: 'bank' });
  accessUsers.set(tx, 'ab'.repeat(32), { party: 'farm' });
  return tx;
}

const readersOf = (caller: Caller | null) => viewerOfCaller(tables(), caller).readers;

describe('a bearer of a token', () => {
  test('is for the audiences what members gave its issuer and subject', () => {
    assert.deepEqual(readersOf(bearer(idp, { sub: 'alice' })), [
      'everybody',
      'party:mill',
      'role:auditor',
      `user:jwt:${idp}:alice`,
    ]);
  });

  const forged: readonly [string, Caller][] = [
    [
      'claims of parties and roles',
      bearer(idp, { sub: 'x', party: 'mill', roles: ['auditor'], readers: ['everybody', 'party:mill'] }),
    ],
    ['the subject of another issuer', bearer('https://evil.example', { sub: 'alice', iss: idp })],
    ['a subject that reads as one of an issuer at a port', bearer(idp, { sub: '8443:bob' })],
    ['a subject that goes on where an issuer ends', bearer('https', { sub: '//idp.example:alice' })],
    ['a subject that is escaped already', bearer(idp, { sub: '8443%3Abob' })],
    ['a subject that is the id of a user', bearer(idp, { sub: 'ab'.repeat(32) })],
    ['a subject that is a reader', bearer(idp, { sub: 'party:mill' })],
    ['names of prototypes', bearer(idp, { sub: '__proto__', constructor: { party: 'mill' } })],
  ];
  for (const [what, caller] of forged)
    test(`gains nothing by ${what}`, () => {
      const readers = readersOf(caller);
      assert.equal(readers.length, 2, readers.join());
      assert.match(readers.join(), /^everybody,user:jwt:/);
      assert.ok(!readers.includes(`user:jwt:${idp}:alice`));
    });

  for (const sub of [undefined, null, 7, ['alice'], { toString: () => 'alice' }])
    test(`whose subject is ${JSON.stringify(sub)} is nobody`, () => {
      const viewer = viewerOfCaller(tables(), bearer(idp, { sub }));
      assert.deepEqual([viewer.id, viewer.readers], [null, ['everybody']]);
    });

  test('is one id for each issuer and subject', () => {
    const names = ['a', 'a:b', 'a%3Ab', 'b', 'a:', ':b', 'a%', '%3A'];
    const pairs = names.flatMap((issuer) => names.map((sub) => [issuer, sub] as const));
    const ids = pairs.map(([issuer, sub]) => viewerOfCaller(tables(), bearer(issuer, { sub })).id);
    assert.equal(new Set(ids).size, pairs.length);
  });
});

test('of several proofs of who somebody is, the certificate counts and not the token', () => {
  const caller = {
    policy: ['jwt', 'user_cert'],
    jwt: bearer(idp, { sub: 'alice' }),
    user_cert: { policy: 'user_cert', id: 'ab'.repeat(32) },
  } as unknown as Caller;
  assert.deepEqual(readersOf(caller), ['everybody', 'party:farm', `user:${'ab'.repeat(32)}`]);
});
