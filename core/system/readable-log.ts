/**
 * Log lines for a terminal: time of day, level, message, and the details as name=value. Everywhere else the lines are JSON. What a client
 * has named, a group for example, is among them: control characters are escaped, so that it commands no terminal and forges no line.
 */
interface Line {
  level?: string
  time?: string
  msg?: string
  err?: { stack?: string; message?: string }
}

/** Text that is not JSON is returned unchanged. */
export function readableLine(json: string): string {
  let line: Line & Record<string, unknown>
  try {
    line = JSON.parse(json)
  } catch {
    return json
  }
  const { level = 'info', time = '', msg = '', err, ...details } = line
  const pairs = Object.entries(details).map(([name, value]) => `${name}=${formatted(value)}`)
  const head = [time.slice(11, 23), String(level).toUpperCase().padEnd(5), printable(msg)].join(' ')
  const trace = err === undefined ? '' : `\n${indented(err.stack ?? err.message ?? String(err))}`
  return `${pairs.length === 0 ? head : `${head}  ${pairs.join(' ')}`}${trace}\n`
}

/** Of a terminal, and those that turn the direction of what follows. */
const CONTROL = /[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu
const printable = (text: string) => text.replaceAll(CONTROL, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`)

const formatted = (value: unknown) => {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return printable(/^[^\s"=]+$/.test(text) ? text : JSON.stringify(text))
}
const indented = (text: string) =>
  text
    .split('\n')
    .map((line) => `    ${printable(line)}`)
    .join('\n')
