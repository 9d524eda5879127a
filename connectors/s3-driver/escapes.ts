/** The escapes of separators in settings, the same in what the sink writes and in what the source reads. */

/** `\n`, `\t`, `\r` and `\\` as the characters that they stand for. */
export const unescaped = (text: string): string =>
  text.replace(/\\([ntr\\])/g, (_escape, letter: string) => ({ n: '\n', t: '\t', r: '\r', '\\': '\\' })[letter]!)
