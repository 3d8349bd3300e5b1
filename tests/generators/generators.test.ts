// Clients made from the OpenAPI documents that a running service serves: by our own generator, and by a stock one.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ClientError, get, type Session } from '@coco/client';
import openapiTypescript, { astToString } from 'openapi-typescript';
import { generateClient } from '../../apps/cli/src/client/generate.ts';
import { buildBundle } from '../../apps/cli/src/contract/bundle.ts';
import { checkTypesOf } from '../../apps/cli/src/testing/type-check.ts';
import { type Service, startService } from '../workloads/service.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

describe('the documents of a service', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'coco-clients-'));
  let service: Service;
  let session: Session;

  before(async () => {
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    const { bundle } = await buildBundle(join(root, 'samples/contracts/notes'));
    service = await startService({ bundle });
    session = service.session(0);
  });
  after(async () => {
    await service?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  const write = (files: Readonly<Record<string, string>>): string => {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    return checkTypesOf(folder, Object.keys(files));
  };

  test('give a typed client of the contract, which type-checks and works', async () => {
    const document = await get(session, '/app/api');
    const { module } = generateClient(document, { library: '@coco/client' });
    const use = `
      import { fetchReceipt, type Session } from '@coco/client';
      import { getCountsUser, getNotes, getNotesId, getNotesIdReceipt, postNotes } from './notes.ts';
      export async function use(session: Session, user: string): Promise<unknown> {
        const written = await postNotes(session, { json: { text: 'typed' } }, { receipt: true });
        const { body, transactionId } = written;
        if (transactionId === undefined) throw new Error('nothing was written');
        const read = await getNotesId(session, { params: { id: body.id } });
        const { notes } = await getNotes(session, { query: { limit: 5 } });
        const past = await getNotesIdReceipt(session, { params: { id: body.id }, at: transactionId });
        const { count } = await getCountsUser(session, { params: { user } });
        return { written: written.outcome, proven: written.receipt !== undefined, read, first: notes[0], past, count };
      }
      export const missing = (session: Session) => getNotesId(session, { params: { id: 999 } });`;
    assert.equal(write({ 'notes.ts': module, 'use.ts': use }), '');
    const made = (await import(join(folder, 'use.ts'))) as {
      use(session: Session, user: string): Promise<Record<string, unknown>>;
      missing(session: Session): Promise<unknown>;
    };
    const found = await made.use(session, 'nobody');
    const { written, proven, read, first, count } = found as Record<string, { text?: string; id?: number }>;
    assert.deepEqual([written, proven, count], ['Committed', true, 0]);
    assert.equal(read?.text, 'typed');
    assert.deepEqual(first, { id: 1, ...read });
    assert.equal((found.past as { note: { text: string } }).note.text, 'typed');
    await assert.rejects(made.missing(session), (error) => {
      assert.ok(error instanceof ClientError);
      return error.refusal?.status === 404 && error.refusal.code === 'NoteNotFound';
    });
  });

  for (const frontend of ['app', 'gov', 'node']) {
    test(`are understood by a stock generator: /${frontend}/api`, async () => {
      const document = await get<string>(session, `/${frontend}/api`);
      const types = astToString(await openapiTypescript(document));
      const paths: Readonly<Record<string, string>> = {
        app: "paths['/app/notes']['post']['requestBody']['content']['application/json']['text']",
        gov: "components['schemas']['Proposal']['proposalId']",
        node: "paths['/node/network']['get']['responses'][200]['content']['application/json']['service_certificate']",
      };
      const use = `
        import type { components, paths } from './${frontend}.ts';
        export const text: ${paths[frontend]} = 'a text';
        // @ts-expect-error: it is a text
        export const wrong: ${paths[frontend]} = 5;
        export type Both = [components, paths];`;
      assert.equal(write({ [`${frontend}.ts`]: types, [`use-${frontend}.ts`]: use }), '');
    });
  }
});
