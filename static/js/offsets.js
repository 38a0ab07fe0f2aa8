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

/** What became of `before`: the code points from `from` to `to` were replaced, and all that follows moved by `by`. */
export function change(before, after) {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before[start] === after[start]) start += 1;
  let same = 0;
  while (same < shorter - start && before[before.length - 1 - same] === after[after.length - 1 - same]) same += 1;
  const from = toCodePoints(before, start);
  const to = toCodePoints(before, before.length - same);
  return { from, to, by: toCodePoints(after, after.length - same) - to };
}
