/** The escape sequences of texts around records: \n, \r, \t and \\. Pure. */
const CHARACTERS: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '\\': '\\' }

export const unescaped = (text: string): string => text.replace(/\\([nrt\\])/g, (_sequence, letter: string) => CHARACTERS[letter]!)
