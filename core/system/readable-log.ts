/** A log line as a person reads it: the time of day, the level, what happened, and the details as name=value. Machines get JSON instead. */
interface Line {
  level?: string
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
  const { level = 'info', time = '', msg = '', err, ...details } = line
  const told = Object.entries(details).map(([name, value]) => `${name}=${shown(value)}`)
  const head = [time.slice(11, 23), String(level).toUpperCase().padEnd(5), msg].join(' ')
  const trace = err === undefined ? '' : `\n${indented(err.stack ?? err.message ?? String(err))}`
  return `${told.length === 0 ? head : `${head}  ${told.join(' ')}`}${trace}\n`
}

const shown = (value: unknown) => {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text)
}
const indented = (text: string) => text.replaceAll(/^/gm, '    ')
