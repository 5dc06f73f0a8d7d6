/** Bounds on what is read from a page and on what is handed over. Characters are UTF-16 units. */
export const LIMITS = Object.freeze({
  textChars: 8 << 20,       // one JSON or HTML text
  totalChars: 32 << 20,     // all texts of one page together
  texts: 500,
  valuesPerText: 64,        // JSON values one after another in one text
  depth: 64,
  nodes: 8_000_000,         // visited in all searches of one page; sixteen members count as one more
  postChars: 20_000,
  nameChars: 500,
  urlChars: 4_096,
  writtenChars: 100,
  claimChars: 2_000,
  counts: 40,
  media: 50,
  claims: 60,
  times: 8,
  problems: 40,
  problemChars: 300,
});
