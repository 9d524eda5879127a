/** The first bytes of a response as an error shows them: without control characters, which must not be in a log. Pure. */
const SHOWN_BYTES = 512

/** With a colon in front; empty where there is nothing to show. */
export function shownBody(body: Buffer): string {
  const text = body
    .subarray(0, SHOWN_BYTES)
    .toString('utf8')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be in a log
    .replace(/[\s\u0000-\u001f\u007f-\u009f]+/g, ' ')
    .trim()
  return text === '' ? '' : `: ${text}`
}
