// A contract written against @microsoft/ccf-app, with an XML parser from npm, as `coco contract build` makes it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { createTestService, type TestService } from '@coco/contract-test';

const contract = new URL('..', import.meta.url);
const documentOf = (name: string) => readFileSync(new URL(`../documents/${name}`, import.meta.url), 'utf8');

function filed(service: TestService, who: string, company: string, name: string) {
  const type = name.endsWith('.xml') ? 'application/xml' : 'application/json';
  return filedText(service, who, company, documentOf(name), type);
}

function filedText(service: TestService, who: string, company: string, text: string, type: string) {
  const caller = service.user(who, { data: { name: who, companies: [company] } });
  return service
    .as(caller)
    .post<{ state?: string; error?: { code: string; message: string } }>('/documents', text, {
      headers: { 'content-type': type },
    });
}

test('an order in XML and its response move on, each filed by its own company', async () => {
  const service = await createTestService(contract);
  const buyer = companyIn('01-order.xml', 'BuyerCustomerParty');
  const seller = companyIn('01-order.xml', 'SellerSupplierParty');
  const stranger = await filed(service, 'eve', 'somebody else', '01-order.xml');
  assert.deepEqual([stranger.status, stranger.body.error?.code], [403, 'DocumentRefused']);
  const ordered = await filed(service, 'alice', buyer, '01-order.xml');
  assert.equal(ordered.status, 201, JSON.stringify(ordered.body));
  assert.ok(ordered.writes.orders && ordered.writes.documents && ordered.writes.dealings);
  assert.equal((await filed(service, 'alice', buyer, '01-order.xml')).status, 409);
  const answered = await filed(service, 'bob', seller, '02-order-response.xml');
  assert.equal(answered.status, 201, JSON.stringify(answered.body));
  assert.notEqual(answered.body.state, ordered.body.state);
});

test('what is no document is refused', async () => {
  const service = await createTestService(contract);
  assert.equal((await filed(service, 'alice', 'x', '13-not-a-document.xml')).status, 400);
});

const order = documentOf('01-order.xml');
const malformed: readonly (readonly [what: string, text: string, reason: RegExp])[] = [
  ['nothing at all', '', /^The document is not well-formed XML: Start tag expected\.:1$/],
  ['elements without end', '<a>'.repeat(50_000), /^The document is not well-formed XML: .{1,200}$/],
  ['an array', '['.repeat(100_000), /^The document is not well-formed JSON\.$/],
  ['entities', `<!DOCTYPE a [<!ENTITY b "c">]>${order}`, /must not have a DOCTYPE/],
  ['a date that is none', order.replace(/(IssueDate>)[^<]+/, '$1soon'), /^Order\/IssueDate is not a date\.$/],
  [
    'an amount that is none',
    order.replace(/(PayableAmount[^>]*>)[^<]+/, '$10x10'),
    /PayableAmount is not a number/,
  ],
  ['half a character', '{"Order":{"ID":"\\ud800"}}', /^Order has an ID that is no text\.$/],
];

for (const [what, text, reason] of malformed) {
  test(`a document is refused with a short reason: ${what}`, async () => {
    const service = await createTestService(contract);
    const { status, body } = await filedText(service, 'alice', 'x', text, 'application/xml');
    assert.equal(status, 400, JSON.stringify(body));
    assert.match(body.error?.message ?? '', reason);
  });
}

/** The endpoint of a party, as the documents name it. */
function companyIn(name: string, party: string): string {
  const text = documentOf(name);
  const part = text.slice(text.indexOf(`<cac:${party}>`), text.indexOf(`</cac:${party}>`));
  const [, scheme, id] = /<cbc:EndpointID schemeID="(\d+)">([^<]+)</.exec(part) ?? [];
  return `${scheme}:${id}`;
}
