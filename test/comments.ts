/**
 * Comments of a source file, found line by line: the header, and the first line of every other comment. It knows strings that begin and end
 * on one line, which is enough to tell a comment from a URL.
 */

export interface Comment {
  line: number
  /** The first line of the comment, without its marks. */
  text: string
}

/** Lines of text of the comment that opens a file, without tables; null where there is none. */
export function headerOf(text: string): string[] | null {
  const comment = text.match(/^(?:#!.*\n)?\/\*\*([\s\S]*?)\*\//)?.[1]
  if (comment === undefined) return null
  return comment
    .split('\n')
    .map((line) => line.replace(/^\s*\*?\s?/, '').trimEnd())
    .filter((line) => line !== '' && !line.startsWith('|'))
}

/** Code in front of a comment on the same line: strings are whole, so that a `//` in one does not count. */
const afterCode = /^(?:[^'"`/]|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`|\/(?![/*]))*\s\/\/ (.*)$/

export function commentsOf(text: string): Comment[] {
  const found: Comment[] = []
  let block = false
  let afterLineComment = false
  let first = false
  text.split('\n').forEach((line, index) => {
    const add = (comment: string) => {
      if (comment.trim() !== '') found.push({ line: index + 1, text: comment.trim() })
    }
    if (block) {
      const inner = line.replace(/^\s*\*?\s?/, '').replace(/\*\/.*$/, '')
      if (first && inner.trim() !== '') {
        add(inner)
        first = false
      }
      if (line.includes('*/')) block = false
      afterLineComment = false
      return
    }
    const opened = line.match(/^\s*\/\*\*?\s?(.*)$/)
    const whole = line.match(/^\s*\/\/ (.*)$/)
    if (opened) {
      const inner = opened[1]!.replace(/\*\/.*$/, '')
      add(inner)
      first = inner.trim() === ''
      block = !line.includes('*/')
    } else if (whole) {
      // Further lines go on with the sentence.
      if (!afterLineComment) add(whole[1]!)
    } else {
      const trailing = line.match(afterCode)
      if (trailing) add(trailing[1]!)
    }
    afterLineComment = whole !== null
  })
  return found
}

/** Names of programs and packages, and units, that are written in lower case. */
const lowerCaseNames = new Set([
  'biome-ignore',
  'kill',
  'ms',
  'npm',
  'kafkajs',
  'librdkafka',
  'fastify',
  'pino',
  'gzip',
  'snappy',
  'lz4',
  'zstd',
])

/** Whether a comment begins with a word in lower case that is not a name or code. */
export function needsCapital(comment: string): boolean {
  const word = comment.match(/^[a-z]\S*/)?.[0].replace(/[.,:;!?)]+$/, '')
  if (word === undefined || lowerCaseNames.has(word) || lowerCaseNames.has(word.split(/[-'’]/)[0]!)) return false
  const looksLikeCode = /^[b-z]$|[A-Z0-9_.=()<>:/[\]{}$·]/.test(word)
  return !looksLikeCode
}
