// How many cells a letter takes: none where it is put upon the one before it, two where East Asian letters and pictures
// are as wide as high. Nearly what programs on the far side assume (wcwidth).

const UPON = /^(?:\p{Mn}|\p{Me}|\p{Cf}|\p{Emoji_Modifier})$/u;
const WIDE =
  /^[\u{1100}-\u{115F}\u{2E80}-\u{303E}\u{3041}-\u{A4CF}\u{A960}-\u{A97C}\u{AC00}-\u{D7A3}\u{F900}-\u{FAFF}\u{FE30}-\u{FE6F}\u{FF00}-\u{FF60}\u{FFE0}-\u{FFE6}\u{20000}-\u{3FFFD}]$|^\p{Emoji_Presentation}$/u;

export function letterWidth(letter: string): 0 | 1 | 2 {
  const code = letter.codePointAt(0) ?? 0;
  if (code < 0x300) return 1;
  if (UPON.test(letter)) return 0;
  return code >= 0x1100 && WIDE.test(letter) ? 2 : 1;
}
