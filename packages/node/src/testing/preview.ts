import type { UndoPreviewOut } from '@coco/api';
import type { Cluster } from './cluster.ts';
import type { Machine, Reply } from './machine.ts';

/** The preview at a node, asked for until what it rests on is read. */
export function previewAt(
  cluster: Cluster,
  node: Machine,
  transaction: string,
  asked: object = { policy: 'restore' },
): UndoPreviewOut {
  let reply: Reply | undefined;
  cluster.passUntil('the preview is there', () => {
    const payload = { transactions: [transaction], ...asked };
    reply = cluster.govern(node, '/gov/service/undo:preview', 'preview', payload);
    return reply.status === 200;
  });
  return reply?.json as UndoPreviewOut;
}
