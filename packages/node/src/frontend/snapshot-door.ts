import { contentType, header } from '@coco/api';
import { parseSnapshotName } from '@coco/ledger';
import type { Correspondence } from '../correspondence.ts';
import type { NodeView } from '../endpoints/context.ts';
import { limits } from '../limits.ts';
import { type Answer, empty, refusal } from './answer.ts';
import { addressOfNode, primaryNotFound, redirect } from './elsewhere.ts';
import type { RequestEvent } from './pipeline.ts';
import type { Target } from './target.ts';

type Respond = (answer: Answer) => void;

/** Bytes of a file, the end excluded. */
interface Range {
  readonly from: number;
  readonly to: number;
}

const files = /^\/snapshot\/([^/]+)$/;

/**
 * `/node/snapshot`: where the newest snapshot is, and its bytes. Answers come when the host has read; a snapshot is public
 * or encrypted in all its parts, so anybody may have it.
 */
export class SnapshotDoor {
  readonly #node: NodeView;
  readonly #world: Correspondence;

  constructor(node: NodeView, world: Correspondence) {
    this.#node = node;
    this.#world = world;
  }

  serves({ frontend, path }: Target, method: string): boolean {
    const isOurs = frontend === 'node' && (path === '/snapshot' || files.test(path));
    return isOurs && (method === 'GET' || method === 'HEAD');
  }

  handle(event: RequestEvent, target: Target, respond: Respond): void {
    const name = files.exec(target.path)?.[1];
    const answer =
      name === undefined ? this.#newest(event, target, respond) : this.#file(name, event, respond);
    if (answer) respond(answer);
  }

  /** Answers at once what needs no reading; else `respond` is called later. */
  #newest({ session, request }: RequestEvent, target: Target, respond: Respond): Answer | undefined {
    const given = new URLSearchParams(target.query).get('since') ?? '0';
    if (!/^\d{1,16}$/.test(given)) {
      return refusal(400, 'InvalidQueryParameterValue', 'The query parameter since is not a seqno.');
    }
    const { replica, config } = this.#node;
    if (!replica.isPrimary) {
      const address = addressOfNode(replica.store.begin(), replica.primary, session.interface);
      return address === undefined ? primaryNotFound() : redirect(address, request.target, 308);
    }
    const own = config.network.rpc_interfaces[session.interface]?.published_address ?? '';
    const choice = { newestBefore: Number.MAX_SAFE_INTEGER };
    this.#world.readSnapshot(choice, { from: 0, to: 0 }, ({ name }) => {
      const isRecent = name !== null && (parseSnapshotName(name)?.seqno ?? 0) >= Number(given);
      const none = `This node has no committed snapshots since ${given}`;
      respond(
        isRecent
          ? redirect(own, `/node/snapshot/${name}.committed`, 308)
          : refusal(404, 'ResourceNotFound', none),
      );
    });
    return undefined;
  }

  #file(asked: string, { request }: RequestEvent, respond: Respond): Answer | undefined {
    const name = asked.replace(/\.committed$/, '');
    const none = refusal(
      404,
      'ResourceNotFound',
      `This node has no committed snapshot ${asked.slice(0, 64)}.`,
    );
    if (parseSnapshotName(name) === undefined) return none;
    this.#world.readSnapshot({ name }, { from: 0, to: 0 }, (file) => {
      const range = parseRange(request.headers.range, file.size);
      if (file.name === null) respond(none);
      else if (request.method === 'HEAD') respond(describe(asked, file.size));
      else if (typeof range === 'string') respond(refusal(400, 'InvalidHeaderValue', range));
      else
        this.#world.readSnapshot({ name }, range, (piece) => {
          respond(piece.name === null ? none : pieceOf(asked, range.from, piece));
        });
    });
    return undefined;
  }
}

function describe(name: string, size: number): Answer {
  return empty(200, [
    [header.contentType, contentType.binary],
    [header.contentLength, String(size)],
    [header.acceptRanges, 'bytes'],
    [header.snapshotName, name],
  ]);
}

function pieceOf(
  name: string,
  from: number,
  { bytes, size }: { readonly bytes: Uint8Array; readonly size: number },
): Answer {
  return {
    status: 206,
    headers: [
      [header.contentType, contentType.binary],
      // The end is excluded, as CCF has it.
      [header.contentRange, `bytes ${from}-${from + bytes.length}/${size}`],
      [header.snapshotName, name],
    ],
    body: bytes,
  };
}

/**
 * Reads `bytes=<from>-<to>`, `<from>-` or `-<last>`, the end excluded as CCF has it; what is asked beyond the bound is left
 * for another request. Answers text when it is none of these.
 */
function parseRange(value: string | undefined, size: number): Range | string {
  const match = /^bytes=(\d{0,16})-(\d{0,16})$/.exec(value ?? 'bytes=0-');
  const [, first = '', last = ''] = match ?? [];
  if (!match || (first === '' && last === ''))
    return 'The header range is not of the form bytes=<from>-<to>.';
  const from = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const to = first === '' || last === '' ? size : Math.min(Number(last), size);
  if (from > to) return `The range begins at ${from}, behind its end or that of the file (${size} bytes).`;
  return { from, to: Math.min(to, from + limits.snapshotPieceBytes) };
}
