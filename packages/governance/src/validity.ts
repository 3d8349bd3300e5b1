import { GovernanceError } from './errors.ts';

/** When a certificate is valid, in ms since 1970; the end is inclusive. */
export interface Validity {
  readonly notBefore: number;
  readonly notAfter: number;
}

const secondMs = 1000;
const dayMs = 24 * 60 * 60 * secondMs;

/** `260131235959Z` and `20260131235959Z`, as certificates write time. */
const asn1Time = /^(\d{2}|\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/;
/** `2026-01-31 23:59:59`, with or without `T`, fraction, and offset; without an offset it is UTC. */
const isoTime =
  /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2}):(\d{2})(?:\.\d{1,9})?(?:Z|([+-])(\d{2}):(\d{2}))?$/;

/**
 * The validity a proposal asks for: from a moment (`validFrom`), for so many days less the last second.
 * Throws `InvalidValidity`.
 */
export function validityPeriod(validFrom: string, days: number): Validity {
  if (!Number.isSafeInteger(days) || days < 1 || days > 36_500) {
    throw new GovernanceError('InvalidValidity', `A validity of ${days} days is not between 1 and 36500.`);
  }
  const notBefore = parseTime(validFrom);
  return { notBefore, notAfter: notBefore + days * dayMs - secondMs };
}

function parseTime(text: string): number {
  const match = asn1Time.exec(text) ?? isoTime.exec(text);
  if (match === null) throw unreadable(text);
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  // Two digits are of the twentieth century from 50 on: RFC 5280, section 4.1.2.5.1.
  const fullYear = match[1]?.length === 2 ? (year < 50 ? 2000 + year : 1900 + year) : year;
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(fullYear, month)) throw unreadable(text);
  if (hour > 23 || minute > 59 || second > 59) throw unreadable(text);
  const seconds = hour * 3600 + minute * 60 + second - offsetSeconds(match);
  return daysSince1970(fullYear, month, day) * dayMs + seconds * secondMs;
}

function offsetSeconds(match: RegExpExecArray): number {
  const [sign, hours, minutes] = match.slice(7, 10);
  if (sign === undefined || hours === undefined || minutes === undefined) return 0;
  const seconds = Number(hours) * 3600 + Number(minutes) * 60;
  return sign === '-' ? -seconds : seconds;
}

function unreadable(text: string): GovernanceError {
  const shown = JSON.stringify(text.slice(0, 64));
  return new GovernanceError('InvalidValidity', `${shown} is not a time such as 260131235959Z.`);
}

function isLeap(year: number): boolean {
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return isLeap(year) ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}

/** Days of the proleptic Gregorian calendar, counting years from March so that the leap day comes last. */
function daysSince1970(year: number, month: number, day: number): number {
  const shifted = month > 2 ? year : year - 1;
  const monthFromMarch = (month + 9) % 12;
  const leapDays = Math.floor(shifted / 4) - Math.floor(shifted / 100) + Math.floor(shifted / 400);
  const dayOfYear = Math.floor((153 * monthFromMarch + 2) / 5) + day - 1;
  const daysTo1970FromMarchOfYear0 = 719_468;
  return shifted * 365 + leapDays + dayOfYear - daysTo1970FromMarchOfYear0;
}
