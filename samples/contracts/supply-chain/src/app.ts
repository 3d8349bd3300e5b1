import * as ccfapp from '@microsoft/ccf-app';
import { digest } from '@microsoft/ccf-app/crypto.js';
import { ccf } from '@microsoft/ccf-app/global.js';
import { DocumentError, readDocument } from './document.ts';
import { follow, type Order, Refused, senderOf } from './orders.ts';

/** What governance records about a user of this contract: the companies it may speak for. */
interface UserData {
  readonly name?: string;
  readonly companies?: readonly string[];
}

/** A document as it came, and where it belongs. */
interface Filed {
  readonly order: string;
  readonly text: string;
}

type Request = ccfapp.Request;
type Response = ccfapp.Response;

const orders = ccfapp.typedKv('orders', ccfapp.string, ccfapp.json<Order>());
const documents = ccfapp.typedKv('documents', ccfapp.string, ccfapp.json<Filed>());
/** The orders of each company, with their states. */
const dealings = ccfapp.typedKv('dealings', ccfapp.string, ccfapp.string);

const keyOf = (...parts: readonly string[]): string => parts.map(encodeURIComponent).join('/');
const orderKey = ({ buyer, seller, id }: { buyer: string; seller: string; id: string }): string =>
  keyOf(buyer, seller, id);

function refused(status: number, code: string, message: string): Response {
  return { statusCode: status, body: { error: { code, message } } };
}

/** Companies the caller speaks for, as members voted. */
function companiesOf(request: Request): readonly string[] {
  const { data } = request.caller as unknown as { data: UserData | null };
  return data?.companies ?? [];
}

/** `POST /documents`: files a document and moves its order on, if it may. */
export function submit(request: Request): Response {
  const type = request.headers['content-type'] ?? '';
  if (!/^(application|text)\/(xml|json)\b/.test(type)) {
    return refused(
      415,
      'UnsupportedContentType',
      `A document is application/xml or application/json, not "${type}".`,
    );
  }
  const text = request.body.text();
  try {
    return file(text, companiesOf(request));
  } catch (error) {
    if (error instanceof DocumentError) return refused(400, 'InvalidInput', error.message);
    if (error instanceof Refused) return refused(error.status, 'DocumentRefused', error.message);
    throw error;
  }
}

function file(text: string, companies: readonly string[]): Response {
  const document = readDocument(text);
  const sender = senderOf(document);
  if (!companies.includes(sender)) {
    throw new Refused(403, `The caller does not speak for ${sender}, which sends this ${document.type}.`);
  }
  const { type, id, buyer, seller, orderId } = document;
  const documentKey = keyOf(buyer, seller, orderId, type, id);
  if (documents.has(documentKey))
    throw new Refused(409, `${type} ${id} of ${sender} has been filed already.`);
  const key = orderKey({ buyer, seller, id: orderId });
  const order = follow(orders.get(key), document);
  orders.set(key, order);
  documents.set(documentKey, { order: key, text });
  for (const company of new Set([buyer, seller])) dealings.set(`${keyOf(company)}/${key}`, order.state);
  // The receipt of this transaction proves that exactly this document was filed.
  ccfapp.setClaimsDigest(digest('SHA-256', ccf.strToBuf(text)));
  return { statusCode: 201, body: { document: documentKey, order: key, state: order.state } };
}

/** `GET /orders`: the caller's own, and nothing of anybody else's. */
export function list(request: Request): Response {
  const found: { order: string; state: string }[] = [];
  const prefixes = companiesOf(request).map((company) => `${keyOf(company)}/`);
  dealings.forEach((state, key) => {
    const prefix = prefixes.find((each) => key.startsWith(each));
    if (prefix !== undefined) found.push({ order: key.slice(prefix.length), state });
  });
  return { body: { orders: found } };
}

/** `GET /orders/{buyer}/{seller}/{id}`: one order; unknown and not one's own look alike. */
export function read(request: Request): Response {
  const { buyer = '', seller = '', id = '' } = request.params;
  const order = orders.get(`${buyer}/${seller}/${id}`);
  const companies = companiesOf(request);
  if (order === undefined || !(companies.includes(order.buyer) || companies.includes(order.seller))) {
    return refused(404, 'ResourceNotFound', 'There is no such order.');
  }
  return { body: order };
}
