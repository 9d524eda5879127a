/** A log line as a person reads it: the time of day, the level, what happened, and the details as name=value. Machines get JSON instead. */
const names: Readonly<Record<number, string>> = { 10: 'TRACE', 20: 'DEBUG', 30: 'INFO', 40: 'WARN', 50: 'ERROR', 60: 'FATAL' }

interface Line {
  level?: number
  time?: string
  msg?: string
  err?: { stack?: string; message?: string }
}

/** What is no JSON line is left as it is. */
export function readableLine(json: string): string {
  let line: Line & Record<string, unknown>
  try {
    line = JSON.parse(json)
  } catch {
    return json
  }
  const { level = 30, time = '', msg = '', err, ...details } = line
  const told = Object.entries(details).map(([name, value]) => `${name}=${shown(value)}`)
  const head = [time.slice(11, 23), (names[level] ?? String(level)).padEnd(5), msg].join(' ')
  const trace = err === undefined ? '' : `\n${indented(err.stack ?? err.message ?? String(err))}`
  return `${told.length === 0 ? head : `${head}  ${told.join(' ')}`}${trace}\n`
}

const shown = (value: unknown) => {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text)
}
const indented = (text: string) => text.replaceAll(/^/gm, '    ')
