// Lists of readers cross into the host under numbers: as many as there are numbers for, and more.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { type MemoryBundle, MemoryService, type Person, person } from '../workloads/memory-service.ts';

const source = `
const bytes = (text) => ccf.strToBuf(text);
const rows = ccf.kv['audience:things'];
export function put({ body }) {
  const { id, readers } = body.json();
  ccf.access.setAudience(readers);
  rows.set(bytes(id), bytes('x'));
  return { body: true };
}
export function twice({ body }) {
  const { id, readers } = body.json();
  for (const each of readers) ccf.access.setAudience(each);
  rows.set(bytes(id), bytes('x'));
  return { body: true };
}
export function changing({ body }) {
  let looks = 0;
  const readers = new Proxy(['party:one'], { get: (list, name) => (name === '0' && looks++ > 0 ? 'party:two' : list[name]) });
  ccf.access.setAudience(readers);
  rows.set(bytes(body.json().id), bytes('x'));
  return { body: looks };
}
export const mine = () => ({ body: [...rows.range()].map(([key]) => ccf.bufToStr(key)) });
`;

const endpoint = (js_function: string, mode: string) => ({
  js_module: 'things.js',
  js_function,
  mode,
  forwarding_required: 'always',
  authn_policies: ['user_cert'],
  openapi: {},
});

const bundle: MemoryBundle = {
  metadata: {
    endpoints: {
      '/put': { post: endpoint('put', 'readwrite') },
      '/twice': { post: endpoint('twice', 'readwrite') },
      '/changing': { post: endpoint('changing', 'readwrite') },
      '/mine': { get: endpoint('mine', 'readonly') },
    },
  },
  modules: [{ name: 'things.js', module: source }],
};

/** More than there are numbers for. */
const lists = 1300;
const parties = ['one', 'two', 'p0', 'p999', 'p1000', 'p1299'] as const;
const people = new Map<string, Person>(parties.map((party) => [party, person(party)]));
const of = (party: (typeof parties)[number]) => people.get(party) as Person;

describe('audiences that a contract names again and again', () => {
  let service: MemoryService;
  const mine = (party: (typeof parties)[number]) =>
    service.ask(of(party), 'GET', '/app/mine').json as string[];
  const put = (who: Person, id: string, readers: readonly string[]) => ({
    who,
    method: 'POST',
    target: '/app/put',
    json: { id, readers },
  });

  before(async () => {
    service = await MemoryService.open({
      bundle,
      actions: () =>
        [...people].flatMap(([party, who]) => [
          { name: 'set_user', args: { cert: who.certificate } },
          { name: 'set_party', args: { party } },
          { name: 'set_access_user', args: { user_id: who.id, party } },
        ]),
    });
  });

  test('are each its own, however many there are and in whatever order they come', () => {
    const requests = ['a', 'b', 'c'].flatMap((round) =>
      Array.from({ length: lists }, (_, i) =>
        put(of('one'), `${round}${i}`, [`party:p${i}`, 'party:nobody']),
      ),
    );
    for (let at = 0; at < requests.length; at += 50)
      assert.ok(service.together(requests.slice(at, at + 50)).every((status) => status === 200));
    for (const i of [0, 999, 1000, 1299] as const)
      assert.deepEqual(mine(`p${i}`), [`a${i}`, `b${i}`, `c${i}`], `p${i}`);
  });

  test('mean their own caller, call by call', () => {
    const requests = Array.from({ length: 20 }, (_, i) =>
      put(of(i % 2 === 0 ? 'p0' : 'two'), `own ${i}`, ['caller']),
    );
    assert.ok(service.together(requests).every((status) => status === 200));
    const own = mine('two').filter((id) => id.startsWith('own'));
    assert.deepEqual(own, requests.flatMap((_, i) => (i % 2 === 0 ? [] : [`own ${i}`])).sort());
  });

  test('can become narrower, never wider, known or not', () => {
    for (const round of [1, 2]) {
      const twice = (readers: readonly (readonly string[])[]) =>
        service.ask(of('two'), 'POST', '/app/twice', { id: `twice ${round}`, readers }).status;
      assert.equal(twice([['party:one', 'party:two'], ['party:two']]), 200);
      assert.equal(twice([['party:two'], ['party:one', 'party:two']]), 500);
    }
    assert.ok(!mine('one').some((id) => id.startsWith('twice')));
  });

  test('are what they were when they were said: a list that changes as it is read', () => {
    for (const id of ['first', 'second', 'third']) service.ask(of('p999'), 'POST', '/app/changing', { id });
    const seen = (['one', 'two'] as const).map((party) => mine(party).filter((id) => id.length > 4));
    assert.deepEqual(
      seen[0]?.filter((id) => /first|second|third/.test(id)),
      ['first', 'second', 'third'],
    );
    assert.ok(!seen[1]?.some((id) => /first|second|third/.test(id)));
  });
});
