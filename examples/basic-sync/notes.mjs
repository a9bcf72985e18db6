// The merge of two folders of notes, and nothing else: for each name the text with the highest version. A version
// is a number that rises with each change and the key of the device that made it, so no two are the same, and
// every device that has seen the same changes has the same notes, in whatever order they came.

/** @typedef {{ name: string, text: string | null, version: [number, string] }} Note `text` null: it was deleted. */

export class Notes {
  /** @type {Map<string, Note>} */
  #notes;
  #own;

  /** @param {string} own Key of this device. @param {Note[]} known What an earlier life had. */
  constructor(own, known) {
    this.#own = own;
    this.#notes = new Map(known.map((note) => [note.name, note]));
  }

  /** @returns {Note[]} */
  all() {
    return [...this.#notes.values()];
  }

  /** The person here wrote or deleted it. Returns the note, or undefined where nothing is new. */
  edit(name, text) {
    const known = this.#notes.get(name);
    if ((known?.text ?? null) === text) return undefined;
    const highest = Math.max(0, ...this.all().map((note) => note.version[0]));
    const note = { name, text, version: [highest + 1, this.#own] };
    this.#notes.set(name, note);
    return note;
  }

  /** Another device says so. Returns whether it is newer than what is known here. */
  merge(note) {
    const known = this.#notes.get(note.name);
    if (known !== undefined && !isNewer(note.version, known.version)) return false;
    this.#notes.set(note.name, note);
    return true;
  }
}

function isNewer([number, by], [otherNumber, otherBy]) {
  return number === otherNumber ? by > otherBy : number > otherNumber;
}

/** What a peer sent, or undefined for what is no note: it comes from another machine, so nothing is taken for granted. */
export function readNote(text) {
  let note;
  try {
    note = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { name, text: content, version } = note ?? {};
  if (typeof name !== "string" || !isNoteName(name)) return undefined;
  if (content !== null && typeof content !== "string") return undefined;
  if (!Array.isArray(version) || version.length !== 2) return undefined;
  const [number, by] = version;
  if (!Number.isSafeInteger(number) || number < 1 || typeof by !== "string" || by.length > 64)
    return undefined;
  return { name, text: content, version: [number, by] };
}

/** A plain file of one folder, shown as it is. */
export function isNoteName(name) {
  return /^[\p{L}\p{N}_][\p{L}\p{N}_ .-]{0,99}$/u.test(name) && !name.endsWith(".tmp");
}
