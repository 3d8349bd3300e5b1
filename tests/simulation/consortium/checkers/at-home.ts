import { Violation } from '../../world/report.ts';
import { companyOf, dealing } from '../companies.ts';
import type { Daemon } from '../daemon.ts';
import type { Observer } from './observer.ts';

/** What companies deal is never on the disk of another. */
export class AtHome implements Observer {
  onStepped({ machine }: Daemon): void {
    if (machine.parcels.size > 0 && !dealing.includes(companyOf(machine)))
      throw new Violation(`${machine.name} of ${companyOf(machine)} keeps what others deal`);
  }
}
