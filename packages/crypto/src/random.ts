/** Random bytes, as many as are asked for, from whoever runs this: the room draws none itself. */
export type Random = (bytes: number) => Uint8Array;
