import assert from 'node:assert/strict';
import { test } from 'node:test';
import { place } from '../testing/place.ts';

test('a profile keeps what it is given, as absolute paths, and the first is in use', async () => {
  using here = place();
  await here.coco(
    'profile',
    'set',
    'acme',
    '--address',
    'https://10.0.0.1:8000',
    '--service-cert',
    'service.pem',
  );
  await here.coco('profile', 'set', 'acme', '--cert', 'me.pem', '--key', 'me.key');
  await here.coco('profile', 'set', 'other', '--address', 'https://10.0.0.2:8000');
  const { value } = await here.json('profile', 'list');
  assert.deepEqual(value, {
    current: 'acme',
    profiles: {
      acme: {
        addresses: ['https://10.0.0.1:8000'],
        serviceCert: here.file('service.pem'),
        cert: here.file('me.pem'),
        key: here.file('me.key'),
      },
      other: { addresses: ['https://10.0.0.2:8000'] },
    },
  });
});

test('profiles are used, shown and removed by name', async () => {
  using here = place();
  await here.coco('profile', 'set', 'acme', '--address', 'https://10.0.0.1:8000');
  await here.coco('profile', 'set', 'other', '--address', 'https://10.0.0.2:8000');
  await here.coco('profile', 'use', 'other');
  assert.match((await here.coco('profile', 'list')).out, /\* +other/);
  assert.match((await here.coco('profile', 'show', 'acme')).out, /10\.0\.0\.1/);
  await here.coco('profile', 'remove', 'other');
  assert.deepEqual((await here.json('profile', 'list')).value, {
    profiles: { acme: { addresses: ['https://10.0.0.1:8000'] } },
  });
  for (const verb of ['use', 'show', 'remove']) {
    assert.equal((await here.coco('profile', verb, 'toString')).code, 1);
  }
});

test('a name that is no name is refused', async () => {
  using here = place();
  assert.equal((await here.coco('profile', 'set', '../x')).code, 2);
});
