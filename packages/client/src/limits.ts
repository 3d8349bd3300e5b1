/** Redirects followed for one request. */
export const redirectsMax = 5;
/** How often one request is tried, the first time included. */
export const attemptsMax = 6;
/** First pause between tries, in milliseconds; it doubles each time. */
export const retryDelayMs = 50;
/** Longest pause between tries, whatever a service asks for. */
export const retryDelayMaxMs = 3000;
/** How often a request is tried, and the pause between tries, while the service elects a primary: 15 seconds in all. */
export const leaderlessAttemptsMax = 150;
export const leaderlessDelayMs = 100;
/** First pause between looks at a transaction that is not final yet. */
export const pollDelayMs = 5;
/** Longest pause between such looks. */
export const pollDelayMaxMs = 500;
/** How long to wait for a commit, a receipt or a historical state unless told. */
export const waitMs = 10_000;
/** Pages of one list; a service that always names a next page is not followed for ever. */
export const pagesMax = 100_000;
