// A command that is shown to be copied, or kept to be read: each of its words as a shell takes it for one, and for
// nothing else.

/** Quoted only where it has to be. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** The same where no option may follow: a word that begins with a dash is none. */
export function shellArgument(text: string): string {
  return text.startsWith("-") ? `-- ${shellWord(text)}` : shellWord(text);
}
