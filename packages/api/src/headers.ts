/** Header names of the protocol, in the lower case in which they travel. */
export const header = {
  accept: 'accept',
  acceptRanges: 'accept-ranges',
  allow: 'allow',
  authorization: 'authorization',
  cacheControl: 'cache-control',
  contentLength: 'content-length',
  contentRange: 'content-range',
  contentType: 'content-type',
  lastEventId: 'last-event-id',
  location: 'location',
  retryAfter: 'retry-after',
  wwwAuthenticate: 'www-authenticate',
  /** Id of the transaction of this answer, or of the state it was read from. */
  transactionId: 'x-ms-ccf-transaction-id',
  /** Ours. The name under which the parties of a private transaction know it. */
  transactionReference: 'coco-transaction-reference',
  snapshotName: 'x-ms-ccf-snapshot-name',
  /** Ours. RFC 7240: `wait=<seconds>` answers once committed; `receipt` adds the receipt to the answer. */
  prefer: 'prefer',
  /** Ours. RFC 7240: which preferences were honoured. */
  preferenceApplied: 'preference-applied',
  /** Ours, of a request. `current`: the answer is to reflect all that was committed before the request was made. */
  read: 'coco-read',
  /** Ours. What became of the transaction within the wait: Committed, Invalid or Pending. */
  transactionStatus: 'coco-transaction-status',
  /** Ours. The JSON receipt of the transaction, base64url. */
  receipt: 'coco-receipt',
} as const;

/** Content types of the protocol. */
export const contentType = {
  json: 'application/json',
  text: 'text/plain',
  binary: 'application/octet-stream',
  cose: 'application/cose',
  cbor: 'application/cbor',
  javascript: 'text/javascript',
  eventStream: 'text/event-stream',
} as const;

/** Challenges of a 401 answer. */
export const challenge = {
  jwt: 'Bearer realm="JWT bearer token access", error="invalid_token"',
  cose: 'COSE-SIGN1 realm="Signed request access"',
} as const;

/** What the header `coco-transaction-status` may say. */
export type WaitOutcome = 'Committed' | 'Invalid' | 'Pending';
