import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { type FakeGuest, FakeTsm } from '../testing/fake-tsm.ts';
import { snpCertificateTable, tsmReport } from './configfs-tsm.ts';

const base = mkdtempSync(join(tmpdir(), 'tsm-'));
after(() => rmSync(base, { recursive: true }));

const reportData = new Uint8Array(64).fill(7);
const guest: FakeGuest = {
  provider: 'sev_guest',
  report: (data) => Uint8Array.of(1, 2, 3, ...data),
  certificates: Uint8Array.of(9),
};

describe('a report by configfs-tsm', () => {
  test('is over the data that was asked, and leaves nothing behind', async () => {
    const found = await tsmReport(reportData, base, new FakeTsm(guest));
    assert.equal(found.provider, 'sev_guest');
    assert.deepEqual(found.report, Uint8Array.of(1, 2, 3, ...reportData));
    assert.deepEqual(found.certificates, Uint8Array.of(9));
    assert.deepEqual(readdirSync(base), []);
  });

  test('is asked for again while the device is busy', async () => {
    const found = await tsmReport(reportData, base, new FakeTsm(guest, ['EBUSY', 'EINTR', 'EIO']));
    assert.equal(found.report.length, 67);
  });

  test('is not taken when another process wrote in between', async () => {
    let interferences = 0;
    const disturbed: FakeGuest = {
      ...guest,
      async afterWrite(tree, directory) {
        interferences += 1;
        if (interferences === 1) await tree.write(join(directory, 'inblob'), new Uint8Array(64).fill(8));
      },
    };
    const found = await tsmReport(reportData, base, new FakeTsm(disturbed));
    assert.deepEqual(found.report.subarray(3), reportData);
    assert.equal(interferences, 3);
  });

  test('is refused by name when the device stays busy, or there is none', async () => {
    const busy = new FakeTsm(guest, Array<string>(9).fill('EBUSY'));
    await assert.rejects(tsmReport(reportData, base, busy), { code: 'Evidence', message: /EBUSY/ });
    await assert.rejects(tsmReport(reportData, join(base, 'none')), { code: 'Evidence', message: /ENOENT/ });
    assert.deepEqual(readdirSync(base), []);
  });
});

describe('the table of certificates beside an SNP report', () => {
  const guid = (text: string): Uint8Array => {
    const bytes = Uint8Array.fromHex(text.replaceAll('-', ''));
    return Uint8Array.of(
      ...bytes.slice(0, 4).reverse(),
      ...bytes.slice(4, 6).reverse(),
      ...bytes.slice(6, 8).reverse(),
      ...bytes.slice(8),
    );
  };
  const entry = (id: string, offset: number, length: number): Uint8Array =>
    Uint8Array.of(...guid(id), offset, 0, 0, 0, length, 0, 0, 0);
  const vcek = '63da758d-e664-4564-adc5-f4b93be8accd';
  const ark = 'c0b406a4-a803-4952-9743-3fb6014cd0ae';
  const unknown = '00112233-4455-6677-8899-aabbccddeeff';
  const zero = new Uint8Array(24);

  test('gives what it knows by name', () => {
    const table = Uint8Array.of(
      ...entry(vcek, 96, 2),
      ...entry(unknown, 96, 2),
      ...entry(ark, 98, 1),
      ...zero,
      1,
      2,
      3,
    );
    assert.deepEqual(
      [...snpCertificateTable(table)],
      [
        ['vcek', Uint8Array.of(1, 2)],
        ['ark', Uint8Array.of(3)],
      ],
    );
  });

  test('is empty where the host has none', () => assert.equal(snpCertificateTable(zero).size, 0));

  test('is refused when it points beyond itself', () => {
    assert.throws(() => snpCertificateTable(Uint8Array.of(...entry(vcek, 24, 99), ...zero)), {
      code: 'Evidence',
    });
  });
});
