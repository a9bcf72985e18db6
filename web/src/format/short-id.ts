// Ids for the eye: the first group is enough to tell a person's own things apart; a click copies the whole.

export function shortId(id: string): string {
  const group = id.split("-")[0] ?? id;
  return group.length <= 10 ? group : group.slice(0, 8);
}
