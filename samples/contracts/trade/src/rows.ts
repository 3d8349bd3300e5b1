import { audienceMap, checked, text, tuple } from '@coco/sdk';
import { z } from 'zod';

export const Party = z.string().regex(/^[a-z][a-z0-9-]{1,30}$/);
export const Name = z.string().regex(/^[A-Z0-9-]{1,20}$/);
export const Order = z.object({
  buyer: Party,
  seller: Party,
  goods: z.string().max(100),
  quantity: z.int().min(1).max(1_000_000),
  /** In cents, so that sums are exact. */
  unitPrice: z.int().min(1).max(1_000_000_000),
});
const Invoice = z.object({ seller: Party, buyer: Party, order: Name, amount: z.int().min(1) });
export const Financing = z.object({ seller: Party, bank: Party, invoice: Name, amount: z.int().min(1) });

/** Orders by number: for buyer and seller. Two pairs may use the same number. */
export const orders = audienceMap('orders', text, checked(Order));
/** Invoices by number: for seller and buyer. */
export const invoices = audienceMap('invoices', text, checked(Invoice));
/**
 * Invoices that a bank has paid for: for seller and bank. By seller, buyer and order, since two invoices of one order
 * claim the same money.
 */
export const financings = audienceMap('financings', tuple(text, text, text), checked(Financing));
