// The DOM and JavaScript strings count UTF-16 code units; the server counts code points.

/** Code points before the UTF-16 offset `utf16` of `text`; an offset inside a surrogate pair counts as before it. */
export function toCodePoints(text, utf16) {
  let points = 0;
  for (let at = 0; at < utf16 && at < text.length; points += 1) {
    at += text.codePointAt(at) > 0xffff ? 2 : 1;
    if (at > utf16) break;
  }
  return points;
}

/** The UTF-16 offset in `text` after `codePoints` code points; beyond the end, the end. */
export function toUtf16(text, codePoints) {
  let at = 0;
  for (let points = 0; points < codePoints && at < text.length; points += 1) {
    at += text.codePointAt(at) > 0xffff ? 2 : 1;
  }
  return at;
}
