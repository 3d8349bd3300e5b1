import { XMLParser } from 'fast-xml-parser';

/** The documents companies exchange about an order (UBL 2.1, Peppol ordering profile). */
export const documentTypes = [
  'Order',
  'OrderResponse',
  'OrderChange',
  'OrderCancellation',
  'DespatchAdvice',
] as const;
export type DocumentType = (typeof documentTypes)[number];

/** One line of a document: what, how many, and the line of the order it is about. */
export interface Line {
  readonly id: string;
  readonly item: string;
  readonly quantity: number | null;
  /** Line of the order; the line itself in an order. */
  readonly orderLine: string;
}

/** What the contract needs to know of a document. Companies are `scheme:identifier`, as on the network. */
export interface TradeDocument {
  readonly type: DocumentType;
  readonly id: string;
  readonly issueDate: string;
  readonly buyer: string;
  readonly seller: string;
  /** Id of the order it is about; its own id for an order. */
  readonly orderId: string;
  readonly currency: string | null;
  /** Payable amount in the currency's unit. */
  readonly total: number | null;
  /** Order response: AB acknowledged, AP accepted, RE rejected, CA accepted with changes. */
  readonly responseCode: string | null;
  /** Order change: its place among the changes of one order. */
  readonly sequence: number | null;
  readonly lines: readonly Line[];
}

/** A document that cannot be understood; the message says which part and why. */
export class DocumentError extends Error {}

type Tree = { readonly [name: string]: unknown };

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  removeNSPrefix: true,
  parseTagValue: false,
  parseAttributeValue: false,
  trimValues: true,
});

/** Reads a document from XML, or from JSON with the same names. Throws DocumentError. */
export function readDocument(text: string): TradeDocument {
  const tree = /^\s*[{[]/.test(text) ? readJson(text) : readXml(text);
  const roots = Object.keys(tree).filter((name) => !name.startsWith('?') && !name.startsWith('@'));
  const type = documentTypes.find((name) => name === roots[0]);
  if (roots.length !== 1 || type === undefined) {
    const found = roots[0] === undefined ? 'nothing' : `"${roots[0].slice(0, 40)}"`;
    throw new DocumentError(`A document is one of ${documentTypes.join(', ')}; found ${found}.`);
  }
  return describe(type, branch(tree, type));
}

function readXml(text: string): Tree {
  // Entities of one's own are how XML bombs are made, and no trade document needs them.
  if (/<!DOCTYPE/i.test(text)) throw new DocumentError('A document must not have a DOCTYPE.');
  try {
    return parser.parse(text, true) as Tree;
  } catch (error) {
    // The parser quotes what it could not read, however long that is.
    const reason = (error instanceof Error ? error.message : String(error)).replace(/:undefined$/, '');
    throw new DocumentError(`The document is not well-formed XML: ${reason.slice(0, 200)}`);
  }
}

function readJson(text: string): Tree {
  try {
    return JSON.parse(text) as Tree;
  } catch {
    throw new DocumentError('The document is not well-formed JSON.');
  }
}

function describe(type: DocumentType, root: Tree): TradeDocument {
  const id = required(root, 'ID', type);
  const isDespatch = type === 'DespatchAdvice';
  const seller = partyOf(
    root,
    isDespatch ? ['SellerSupplierParty', 'DespatchSupplierParty'] : ['SellerSupplierParty'],
    type,
  );
  const buyer = partyOf(
    root,
    isDespatch ? ['BuyerCustomerParty', 'DeliveryCustomerParty'] : ['BuyerCustomerParty'],
    type,
  );
  const sequence = text(root.SequenceNumberID);
  return {
    type,
    id,
    issueDate: date(required(root, 'IssueDate', type), `${type}/IssueDate`),
    buyer,
    seller,
    orderId: type === 'Order' ? id : required(branch(root, 'OrderReference'), 'ID', `${type}/OrderReference`),
    currency: text(root.DocumentCurrencyCode),
    total: amount(branch(root, 'AnticipatedMonetaryTotal').PayableAmount, `${type}/PayableAmount`),
    responseCode: text(root.OrderResponseCode),
    sequence: sequence === null ? null : whole(sequence, `${type}/SequenceNumberID`),
    lines: list(root[isDespatch ? 'DespatchLine' : 'OrderLine']).map((line) => describeLine(line, type)),
  };
}

function describeLine(line: Tree, type: DocumentType): Line {
  const body = type === 'DespatchAdvice' ? line : branch(line, 'LineItem');
  const id = required(body, 'ID', `${type} line`);
  const reference = text(branch(type === 'DespatchAdvice' ? line : body, 'OrderLineReference').LineID);
  const quantity = body[type === 'DespatchAdvice' ? 'DeliveredQuantity' : 'Quantity'];
  return {
    id,
    item: text(branch(body, 'Item').Name) ?? '',
    quantity: amount(quantity, `${type} line ${id} quantity`),
    orderLine: reference ?? text(branch(line, 'OrderLineReference').LineID) ?? id,
  };
}

/** `0088:7300010000001`: the address a company has on the network. */
function partyOf(root: Tree, roles: readonly string[], type: DocumentType): string {
  for (const role of roles) {
    const party = branch(branch(root, role), 'Party');
    for (const identifier of [party.EndpointID, ...list(party.PartyIdentification).map((each) => each.ID)]) {
      const value = text(identifier);
      if (value !== null) return `${attribute(identifier, 'schemeID') ?? ''}:${value}`;
    }
  }
  throw new DocumentError(`${type} names no ${roles.join(' or ')} with an identifier.`);
}

function branch(tree: Tree, name: string): Tree {
  const value = tree[name];
  const first = Array.isArray(value) ? value[0] : value;
  return typeof first === 'object' && first !== null ? (first as Tree) : {};
}

function list(value: unknown): readonly Tree[] {
  if (value === undefined || value === null) return [];
  return (Array.isArray(value) ? value : [value]).filter((each) => typeof each === 'object' && each !== null);
}

function text(value: unknown): string | null {
  const first = Array.isArray(value) ? value[0] : value;
  const bare = typeof first === 'object' && first !== null ? (first as Tree)['#text'] : first;
  if (typeof bare !== 'string' && typeof bare !== 'number') return null;
  const trimmed = String(bare).trim();
  return trimmed === '' ? null : trimmed;
}

function attribute(value: unknown, name: string): string | null {
  return typeof value === 'object' && value !== null ? text((value as Tree)[`@${name}`]) : null;
}

function required(tree: Tree, name: string, where: string): string {
  const value = text(tree[name]);
  if (value === null) throw new DocumentError(`${where} has no ${name}.`);
  if (!value.isWellFormed()) throw new DocumentError(`${where} has an ${name} that is no text.`);
  if (value.length > 200) throw new DocumentError(`${where} has an ${name} of more than 200 characters.`);
  return value;
}

function amount(value: unknown, where: string): number | null {
  const given = text(value);
  if (given === null) return null;
  if (!/^[-+]?\d{1,15}(\.\d{0,15})?$/.test(given)) throw new DocumentError(`${where} is not a number.`);
  return Number(given);
}

function date(given: string, where: string): string {
  const [day] = /^\d{4}-\d{2}-\d{2}/.exec(given) ?? [];
  if (day === undefined || Number.isNaN(Date.parse(day))) throw new DocumentError(`${where} is not a date.`);
  return day;
}

function whole(given: string, where: string): number {
  if (!/^[0-9]{1,9}$/.test(given)) throw new DocumentError(`${where} is not a whole number.`);
  return Number(given);
}
