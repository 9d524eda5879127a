/**
 * Java's .properties format, as `java.util.Properties` reads it: comments with # or !, keys and values parted by =, : or white space, escapes,
 * and lines that go on after a backslash. Read as UTF-8. A key that is there twice has its last value.
 */

/** Joins continued lines; a line ends in a continuation when an odd number of backslashes ends it. */
function* logicalLines(text: string): Generator<string> {
  let open: string | null = null
  for (const raw of text.split(/\r\n|\n|\r/)) {
    const line = raw.replace(/^[ \t\f]+/, '')
    if (open === null && (line === '' || line[0] === '#' || line[0] === '!')) continue
    const whole: string = (open ?? '') + line
    const backslashes = /\\*$/.exec(line)![0].length
    if (backslashes % 2 === 1) open = whole.slice(0, -1)
    else {
      open = null
      yield whole
    }
  }
  if (open) yield open
}

const escapes: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f' }

function plain(text: string): string {
  return text.replace(/\\(u([0-9a-fA-F]{0,4})|[\s\S])/g, (_, whole: string, hex: string | undefined) => {
    if (hex === undefined) return escapes[whole] ?? whole
    if (hex.length < 4) throw new SyntaxError(`"\\${whole}" is no \\uXXXX escape`)
    return String.fromCharCode(Number.parseInt(hex, 16))
  })
}

/** Throws SyntaxError. */
export function parseProperties(text: string): Record<string, string> {
  const properties: Record<string, string> = Object.create(null)
  // a byte order mark would become a part of the first key
  for (const line of logicalLines(text.replace(/^\uFEFF/, ''))) {
    const key = /^(?:\\[\s\S]|[^\\=: \t\f])*/.exec(line)![0]
    const value = line.slice(key.length).replace(/^[ \t\f]*[=:]?[ \t\f]*/, '')
    properties[plain(key)] = plain(value)
  }
  return { ...properties }
}
