/**
 * Subjects with their context, as Confluent writes them: `:.context:subject`, or the bare subject in the default context `.`. The subject
 * is empty where a whole context is meant. Every context has schemas and ids of its own.
 */
export interface QualifiedSubject {
  /** It begins with a full stop; `*` for all contexts. */
  readonly context: string
  readonly subject: string
}

export const DEFAULT_CONTEXT = '.'
/** Every context's configs and modes default to those of this one. */
export const GLOBAL_CONTEXT = '.__GLOBAL'
export const ALL_CONTEXTS = ':*:'

const CONTEXT_PREFIX = ':.'
/** Names that Confluent keeps for itself. */
const RESERVED_SUBJECTS = ['__GLOBAL', '__EMPTY']

export function parseSubject(text: string): QualifiedSubject {
  if (text.startsWith(CONTEXT_PREFIX)) {
    const end = text.indexOf(':', CONTEXT_PREFIX.length)
    return end < 0 ? { context: text.slice(1), subject: '' } : { context: text.slice(1, end), subject: text.slice(end + 1) }
  }
  if (text.startsWith(ALL_CONTEXTS)) return { context: '*', subject: text.slice(ALL_CONTEXTS.length) }
  return { context: DEFAULT_CONTEXT, subject: text }
}

/** What stands before the subjects of a context. */
export const contextPrefix = (context: string): string => (context === DEFAULT_CONTEXT ? '' : `:${context}:`)
export const contextOf = (text: string): string => parseSubject(text).context
export const inContext = (context: string, subject: string): string => contextPrefix(context) + subject

/** One spelling for each subject: `:.:a` is `a`, `:.b` is `:.b:`. */
export function normalizeSubject(text: string): string {
  const { context, subject } = parseSubject(text)
  return inContext(context, subject)
}

export function isDefaultContext(text: string): boolean {
  const { context, subject } = parseSubject(text)
  return context === DEFAULT_CONTEXT && subject === ''
}

export const isContext = (text: string): boolean => parseSubject(text).subject === ''

export function isGlobalContext(text: string): boolean {
  const { context, subject } = parseSubject(text)
  return context === GLOBAL_CONTEXT && subject === ''
}

/** The subject of a reference or an alias: in the context of `parent` where it names none. */
export function qualifyWithParent(parent: string, text: string): string {
  const { context } = parseSubject(text)
  return context === DEFAULT_CONTEXT ? inContext(contextOf(parent), parseSubject(text).subject) : normalizeSubject(text)
}

/** Whether `scope`, which may be a whole context, has the subject in it. */
export function matchesSubject(scope: string | null, subject: string): boolean {
  if (scope === null || scope === subject) return true
  if (!isContext(scope)) return false
  const { context } = parseSubject(scope)
  return context === GLOBAL_CONTEXT || context === contextOf(subject)
}

export function isValidSubject(text: string, { isConfigOrMode }: { isConfigOrMode: boolean }): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be in a subject.
  if (/[\u0000-\u001f\u007f-\u009f]/.test(text)) return false
  const { context, subject } = parseSubject(text)
  if (RESERVED_SUBJECTS.includes(subject)) return false
  if (isConfigOrMode) return true
  // The key of its record would have no subject, and no registry reads that.
  return context !== GLOBAL_CONTEXT && !isDefaultContext(text)
}

/** The prefix of a context that a path names with or without delimiters; undefined where that is not a name. */
export function prefixOfContext(name: string): string | undefined {
  const bare = name.replace(/^:/, '').replace(/:$/, '')
  if (bare.includes(':')) return undefined
  return contextPrefix(bare.startsWith('.') ? bare : `.${bare}`)
}
