import type { ProposalIn, UndoPreviewIn, UndoPreviewOut } from '@coco/api';
import { previewUndo, type Session, type Signer } from '@coco/client';
import { undoText } from './undo-text.ts';

/** The undo that a proposal asks for: the plan it is bound to, and what comes of the same request now. */
export interface ProposedUndo {
  readonly plan: string;
  readonly preview: UndoPreviewOut;
}

/** Looks at the undo of a proposal with the eyes of a member; undefined when it asks for none. */
export async function proposedUndo(
  session: Session,
  signer: Signer,
  { actions }: ProposalIn,
): Promise<ProposedUndo | undefined> {
  const action = actions.find(({ name }) => name === 'undo_transactions');
  if (action === undefined) return undefined;
  const { plan, previewed_at: _, reason: __, ...asked } = action.args as UndoPreviewIn & ProposedWith;
  return { plan, preview: await previewUndo(session, signer, asked) };
}

/** What a proposal says of an undo beside the request that was previewed. */
interface ProposedWith {
  readonly plan: string;
  readonly previewed_at?: string;
  readonly reason?: string;
}

/** The preview for people, and whether it is what they would vote for. */
export function proposedUndoText({ plan, preview }: ProposedUndo): string {
  const verdict =
    preview.plan === plan
      ? 'this is the plan that was proposed'
      : `it is not the plan that was proposed, ${plan}: the last ballot would be refused`;
  return `${undoText(preview)}\n\n${verdict}`;
}
