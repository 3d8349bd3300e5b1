/** Reads a file of the folder by its path there; undefined when there is none. */
export type ReadFile = (path: string) => Uint8Array | undefined;

/** The files of a folder, perhaps with an edit laid over them. A file may be replaced by several, in order. */
export type View = (path: string) => readonly Uint8Array[];

/** Reads each file once. */
export function remembered(read: ReadFile): ReadFile {
  const contents = new Map<string, Uint8Array | undefined>();
  return (path) => {
    if (!contents.has(path)) contents.set(path, read(path));
    return contents.get(path);
  };
}

/** The folder as it is. */
export function plainView(read: ReadFile): View {
  return (path) => {
    const bytes = read(path);
    return bytes === undefined ? [] : [bytes];
  };
}
