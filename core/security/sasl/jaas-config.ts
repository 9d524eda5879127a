/**
 * JAAS configurations: the value of Kafka's `sasl.jaas.config`, and JAAS files with named entries (`KafkaServer { … };`). Both hold
 * passwords: an error names what is wrong and where, and repeats nothing that could be a value (Invariant 12). Pure.
 */
import { KafkaError } from '../../errors.ts'
import { type JavaToken, javaTokens } from './java-tokens.ts'
import type { SystemProperties } from './types.ts'

export interface LoginModule {
  /** The name of its Java class. */
  readonly className: string
  readonly controlFlag: string
  readonly options: ReadonlyMap<string, string>
}

const controlFlags = ['REQUIRED', 'REQUISITE', 'SUFFICIENT', 'OPTIONAL']
/** A property of Java in a JAAS file: `${user.home}`. */
const PROPERTY = /\$\{([^{}]*)\}/g

const invalid = (message: string): KafkaError => new KafkaError('INVALID_CONFIG', message)

/** What differs between the two: characters of words beside letters, digits and ".", and quotes that make a text. */
interface Grammar {
  readonly wordCharacters: string
  readonly quotes: string
}

const propertyGrammar: Grammar = { wordCharacters: '-_$', quotes: `"'` }
const fileGrammar: Grammar = { wordCharacters: '-_$*', quotes: '"' }

class Tokens {
  readonly #tokens: readonly JavaToken[]
  readonly #quotes: string
  #at = 0

  constructor(text: string, { wordCharacters, quotes }: Grammar) {
    this.#quotes = quotes
    try {
      this.#tokens = javaTokens(text, wordCharacters)
    } catch (error) {
      throw invalid((error as Error).message)
    }
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#tokens.length
  }

  take(): JavaToken | undefined {
    return this.#tokens[this.#at++]
  }

  /** A word or a quoted string; null for anything else, which is consumed. */
  takeText(): string | null {
    const token = this.take()
    if (token?.kind === 'word') return token.text
    return token?.kind === 'quoted' && this.#quotes.includes(token.quote) ? token.text : null
  }

  /** Consumes the next token where it is this character. */
  accepts(character: string): boolean {
    const token = this.#tokens[this.#at]
    if (token?.kind !== 'character' || token.text !== character) return false
    this.#at++
    return true
  }
}

/** `class flag name=value … ;` */
function loginModule(tokens: Tokens): LoginModule {
  const className = tokens.takeText()
  if (className === null) throw invalid('Login module not specified in JAAS config')
  if (tokens.isAtEnd) throw invalid('Login module control flag not specified in JAAS config')
  const flag = tokens.take()!
  if (flag.kind !== 'word' || !controlFlags.includes(flag.text.toUpperCase()))
    throw invalid(`Invalid login module control flag for ${className} in JAAS config: one of ${controlFlags.join(', ')} is required`)
  const options = new Map<string, string>()
  while (!tokens.accepts(';')) {
    if (tokens.isAtEnd) throw invalid('JAAS config entry not terminated by semi-colon')
    const key = tokens.takeText()
    // What stands there may be the rest of a password that is not quoted.
    if (key === null || !tokens.accepts('='))
      throw invalid(
        `Key and value expected after ${[...options.keys()].at(-1) ?? className} in JAAS config: values with spaces or special characters must be quoted`,
      )
    const value = tokens.takeText()
    if (value === null) throw invalid(`Value not specified for key '${key}' in JAAS config`)
    options.set(key, value)
  }
  return { className, controlFlag: flag.text.toLowerCase(), options }
}

/** The value of `sasl.jaas.config`. Throws KafkaError. */
export function parseJaasConfig(text: string): LoginModule[] {
  const tokens = new Tokens(text, propertyGrammar)
  const modules: LoginModule[] = []
  while (!tokens.isAtEnd) modules.push(loginModule(tokens))
  if (modules.length === 0) throw invalid('Login module not specified in JAAS config')
  return modules
}

function expanded(value: string, properties: SystemProperties): string {
  return value.replace(PROPERTY, (_, name: string) => {
    const found = name === '/' ? '/' : properties[name]
    if (found === undefined)
      throw invalid(`The JAAS file uses the system property ${name}, which is not set: pass -D${name}=… in KAFKA_OPTS`)
    return found
  })
}

/** A JAAS file: its entries by name, each with its login modules. Throws KafkaError. */
export function parseJaasFile(text: string, properties: SystemProperties): Map<string, LoginModule[]> {
  const tokens = new Tokens(text, fileGrammar)
  const entries = new Map<string, LoginModule[]>()
  while (!tokens.isAtEnd) {
    const name = tokens.takeText()
    if (name === null || !tokens.accepts('{')) throw invalid('The JAAS file is not a list of entries of the form NAME { … };')
    if (entries.has(name)) throw invalid(`The JAAS file has more than one entry ${name}`)
    const modules: LoginModule[] = []
    while (!tokens.accepts('}')) {
      if (tokens.isAtEnd) throw invalid(`The entry ${name} of the JAAS file has no closing }`)
      const module = loginModule(tokens)
      const options = new Map([...module.options].map(([key, value]) => [key, expanded(value, properties)]))
      modules.push({ ...module, options })
    }
    if (!tokens.accepts(';')) throw invalid(`The entry ${name} of the JAAS file has no ; after its closing }`)
    entries.set(name, modules)
  }
  return entries
}
