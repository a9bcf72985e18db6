// Small tar archives for tests.
const BLOCK = 512;

export interface Member {
  name: string;
  content: string;
  /** "0" a file, "5" a folder, "2" a link, "x" what describes the next. */
  type?: string;
  /** Said in its header, where it isn't the content's. */
  size?: string;
}

export function tar(...members: Member[]): Uint8Array {
  const blocks = members.flatMap(({ name, content, type = "0", size }) => {
    const header = Buffer.alloc(BLOCK);
    header.write(name, 0);
    header.write(size ?? content.length.toString(8).padStart(11, "0"), 124);
    header.write(type, 156);
    header.write("ustar", 257);
    const body = Buffer.alloc(Math.ceil(content.length / BLOCK) * BLOCK);
    body.write(content);
    return [header, body];
  });
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]);
}
