/** Longest piece of evidence or endorsement that is read, in bytes. Boot logs are the largest. */
export const evidenceBytesMax = 4 * 1024 * 1024;

/** Longest certificate path of any vendor. */
export const certificatesMax = 8;

/** Longest quote of Intel's, padding included: clouds hand out blocks of 8,000 bytes. */
export const quoteBytesMax = 64 * 1024;

/** Longest JSON text of collateral, in characters. TCB info is about 6,000. */
export const jsonCharsMax = 1024 * 1024;

/** Most TCB levels, module identities or advisories in one list of collateral. */
export const collateralItemsMax = 512;

/** Most events in a boot log. Real ones have a few hundred. */
export const eventsMax = 20_000;

/** Most banks or digests of one event, and banks in one selection (a TPM has at most a handful). */
export const banksMax = 16;

/** Deepest nesting of Windows' tagged events. Real logs nest twice. */
export const taggedDepthMax = 8;

/** Most tagged events of Windows in one log. */
export const taggedEventsMax = 20_000;

/** Longest payload of an AWS Nitro document, in bytes (AWS, "Verifying the root of trust"). */
export const nitroPayloadBytesMax = 16 * 1024;

/** How far a Nitro document's clock may be from the time of evaluation, in milliseconds: a leaf's life. */
export const nitroAgeMsMax = 3 * 60 * 60 * 1000;

/** How far ahead a signing clock may be, in milliseconds. */
export const clockSkewMsMax = 5 * 60 * 1000;

/** Longest DER value of an extension that is taken apart, in bytes, and its most elements. */
export const derValueBytesMax = 16 * 1024;
