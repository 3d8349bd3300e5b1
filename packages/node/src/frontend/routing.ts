import type { Forwarding as ForwardingRule, Redirection as RedirectionRule } from '@coco/api';
import { header } from '@coco/api';
import { nodeInfos } from '@coco/governance';
import type { Redirection } from '../config.ts';
import type { NodeView } from '../endpoints/context.ts';
import type { Session } from '../event.ts';
import { type Forwarding, unforwarded } from '../forwarding.ts';
import { limits } from '../limits.ts';
import { type Answer, refusal } from './answer.ts';
import { addressOfNode, primaryNotFound, redirect, rpcAddressOf } from './elsewhere.ts';
import type { RequestEvent } from './pipeline.ts';

/** Which nodes may serve an endpoint, by either model; an interface has one of them. */
export interface RoutingRule {
  readonly forwarding: ForwardingRule;
  readonly redirection: RedirectionRule;
}

/** Only the primary answers. */
export const primaryOnly: RoutingRule = { forwarding: 'always', redirection: 'to_primary' };
/** Any node answers, unless the session has written by way of the primary. */
export const anyNode: RoutingRule = { forwarding: 'sometimes', redirection: 'none' };

/** Whether the caller asks that the answer reflects everything committed before it asked. */
export function wantsCurrent({ request }: RequestEvent): boolean {
  return request.headers[header.read] === 'current';
}

/** Decides where a request is served: here, or at another node that the client is sent to or that is asked for it. */
export class Routing {
  readonly #node: NodeView;
  readonly #forwarding: Forwarding;
  readonly #random: (bytes: number) => Uint8Array;
  /** Sessions that have had a request forwarded: what they read next must not be older. */
  readonly #sticky = new WeakSet<Session>();

  constructor(node: NodeView, forwarding: Forwarding, random: (bytes: number) => Uint8Array) {
    this.#node = node;
    this.#forwarding = forwarding;
    this.#random = random;
  }

  /**
   * Undefined: serve it here. Otherwise the answer that leads elsewhere, or `forwarded`: the answer comes from the
   * primary, later.
   */
  route(event: RequestEvent, rule: RoutingRule): Answer | 'forwarded' | undefined {
    const { isPrimary } = this.#node.replica;
    if (isPrimary && rule.redirection !== 'to_backup') return undefined;
    const wanted = wantsCurrent(event) ? primaryOnly : rule;
    if (this.#forwarding.isForwarded(event.session)) return this.#forwardedHere(wanted);
    const { redirections = null } = this.#node.config.network.rpc_interfaces[event.session.interface] ?? {};
    if (redirections === null) return isPrimary ? undefined : this.#forward(event, wanted);
    if (isPrimary) return this.#redirect(event, redirections.to_backup, 'backup');
    return wanted.redirection === 'to_primary'
      ? this.#redirect(event, redirections.to_primary, 'primary')
      : undefined;
  }

  #forwardedHere(rule: RoutingRule): Answer | undefined {
    const { isPrimary } = this.#node.replica;
    if (isPrimary || rule.forwarding === 'never') return undefined;
    const message = 'The request was passed on once, and this node is not the primary any more.';
    return refusal(503, 'RequestAlreadyForwarded', message);
  }

  #forward(event: RequestEvent, rule: RoutingRule): Answer | 'forwarded' | undefined {
    const { session } = event;
    const local =
      rule.forwarding === 'never' || (rule.forwarding === 'sometimes' && !this.#sticky.has(session));
    if (local) return undefined;
    const { primary, raft } = this.#node.replica;
    // Surely not carried out: the caller may try again, here or elsewhere.
    if (primary === null || this.#forwarding.isAway(primary)) return primaryNotFound();
    const { forwarding_timeout_ms: patience } =
      this.#node.config.network.rpc_interfaces[session.interface] ?? {};
    const deadline = this.#node.now + (patience ?? limits.forwardingMsDefault);
    if (!this.#forwarding.forward(event, { to: primary, view: raft.view, deadline })) {
      return unforwarded('Too many requests wait for the primary: try again.');
    }
    this.#sticky.add(session);
    return 'forwarded';
  }

  #redirect(
    { session, request }: RequestEvent,
    to: Redirection | undefined,
    role: 'primary' | 'backup',
  ): Answer {
    const address =
      to?.kind === 'StaticAddress'
        ? to.target.address
        : to && this.#addressOf(to.target.role, to.target.interface ?? session.interface);
    if (address !== undefined) return redirect(address, request.target, 307);
    if (role === 'primary') return primaryNotFound();
    return refusal(503, 'BackupNotFound', 'No backup is known at the moment.');
  }

  #addressOf(role: 'primary' | 'backup', name: string): string | undefined {
    const { replica, identity } = this.#node;
    const tables = replica.store.begin();
    const { primary } = replica;
    if (role === 'primary') return addressOfNode(tables, primary, name);
    const backups = [...nodeInfos.entries(tables)].filter(
      ([id, info]) => info.status === 'Trusted' && id !== primary && id !== identity.id,
    );
    const [draw = 0] = this.#random(1);
    return rpcAddressOf(backups[draw % Math.max(1, backups.length)]?.[1], name);
  }
}
