/** The longest that an answer is held back for a commit, in seconds; a longer wish is shortened to it. */
export const waitSecondsMax = 60;
/** The longest `prefer` header that is looked at, in characters; a longer one is ignored. */
export const preferLengthMax = 512;
