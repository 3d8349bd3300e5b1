import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import {
  type DocumentType,
  documentTypes,
  readDocument,
  type TradeDocument,
} from '../contracts/supply-chain/src/document.ts';
import { senderOf } from '../contracts/supply-chain/src/orders.ts';

/** A file to submit; `document` is undefined when only the contract can say what is wrong with it. */
export interface Submission {
  readonly file: string;
  readonly text: string;
  readonly contentType: string;
  readonly document: TradeDocument | undefined;
  /** The company that sends it; undefined when the document does not say. */
  readonly company: string | undefined;
}

/** Within one day: orders first, cancellations last. */
const rank: Readonly<Record<DocumentType, number>> = Object.fromEntries(
  documentTypes.map((type, i) => [type, type === 'OrderCancellation' ? documentTypes.length : i]),
) as Record<DocumentType, number>;

/** The ordering documents of a folder, in the order in which companies would have sent them. Throws when there are none. */
export function readFolder(folder: string): Submission[] {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    throw new Error(`there is no folder ${folder}`);
  const entries = readdirSync(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile() && /\.(xml|json)$/i.test(entry.name));
  if (names.length === 0) throw new Error(`${folder} holds no .xml or .json documents`);
  const submissions = names
    .map(({ name }) => submissionOf(name, readFileSync(join(folder, name), 'utf8')))
    .sort(inOrder);
  if (companiesIn(submissions).length === 0) {
    throw new Error(`no document in ${folder} names a buyer and a seller: there is nobody to submit it`);
  }
  return submissions;
}

function submissionOf(file: string, text: string): Submission {
  const contentType = /\.json$/i.test(file) ? 'application/json' : 'application/xml';
  try {
    const document = readDocument(text);
    return { file, text, contentType, document, company: senderOf(document) };
  } catch {
    return { file, text, contentType, document: undefined, company: undefined };
  }
}

function inOrder(a: Submission, b: Submission): number {
  if (!a.document || !b.document) return Number(!a.document) - Number(!b.document);
  return (
    a.document.issueDate.localeCompare(b.document.issueDate) ||
    rank[a.document.type] - rank[b.document.type] ||
    a.file.localeCompare(b.file)
  );
}

/** Every company the documents name. */
export function companiesIn(submissions: readonly Submission[]): string[] {
  const companies = submissions.flatMap(({ document }) =>
    document ? [document.buyer, document.seller] : [],
  );
  return [...new Set(companies)].sort();
}
