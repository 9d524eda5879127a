/**
 * Java's .properties format, as `java.util.Properties` reads and writes it: comments with # or !, keys and values separated by =, : or
 * white space, escapes, and lines that continue after a backslash. The text is UTF-8. The last value of a key counts. Pure.
 */

/** Joins continued lines; a line is continued if it ends with an odd number of backslashes. */
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

function unescaped(text: string): string {
  return text.replace(/\\(u([0-9a-fA-F]{0,4})|[\s\S])/g, (_, whole: string, hex: string | undefined) => {
    if (hex === undefined) return escapes[whole] ?? whole
    if (hex.length < 4) throw new SyntaxError(`"\\${whole}" is not a \\uXXXX escape`)
    return String.fromCharCode(Number.parseInt(hex, 16))
  })
}

/** Throws SyntaxError. */
export function parseProperties(text: string): Record<string, string> {
  const properties: Record<string, string> = Object.create(null)
  // A byte order mark would become part of the first key.
  for (const line of logicalLines(text.replace(/^\uFEFF/, ''))) {
    const key = /^(?:\\[\s\S]|[^\\=: \t\f])*/.exec(line)![0]
    const value = line.slice(key.length).replace(/^[ \t\f]*[=:]?[ \t\f]*/, '')
    properties[unescaped(key)] = unescaped(value)
  }
  return { ...properties }
}

const escapeOf: Readonly<Record<string, string>> = { '\t': '\\t', '\n': '\\n', '\r': '\\r', '\f': '\\f' }
const escaped = (text: string): string => text.replace(/[\\\t\n\r\f=:#!]/g, (character) => escapeOf[character] ?? `\\${character}`)

/** One line for each entry, in the order of `properties`. */
export function formatProperties(properties: Iterable<readonly [string, string]>): string {
  let text = ''
  for (const [key, value] of properties) text += `${escaped(key).replaceAll(' ', '\\ ')}=${escaped(value).replace(/^ /, '\\ ')}\n`
  return text
}
