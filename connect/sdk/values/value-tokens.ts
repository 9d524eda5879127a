/**
 * The tokens of a text that Kafka Connect's Values reads: delimiters, and what is between them. A delimiter behind a backslash is none.
 * Joined, the tokens are the text.
 */
const DELIMITERS = ':,{}[]"'

export class ValueTokens {
  readonly text: string
  #index = 0
  /** Read and not yet taken. */
  #next: string | null = null

  constructor(text: string) {
    this.text = text
  }

  get hasNext(): boolean {
    return this.#next !== null || this.#index < this.text.length
  }

  /** Where the next token begins, to come back to. */
  mark = (): number => this.#index - (this.#next?.length ?? 0)

  rewindTo(position: number): void {
    this.#index = position
    this.#next = null
  }

  take(): string {
    const token = this.#next ?? this.#read()
    this.#next = null
    return token
  }

  /** The text of the next tokens, or null where there are fewer. */
  takeMany(count: number): string | null {
    const start = this.mark()
    for (let taken = 0; taken < count; taken++) {
      if (!this.hasNext) {
        this.rewindTo(start)
        return null
      }
      this.take()
    }
    return this.text.slice(start, this.#index)
  }

  /** Takes the next token where it is this one, past white space. */
  takeIf(expected: string): boolean {
    if (this.#next === null) {
      if (!this.hasNext) return false
      this.#next = this.#read()
    }
    while (this.#next.trim() === '' && this.#index < this.text.length) this.#next = this.#read()
    if (this.#next.trim() !== expected) return false
    this.#next = null
    return true
  }

  #read(): string {
    const start = this.#index
    let escaped = false
    for (; this.#index < this.text.length; this.#index++) {
      const character = this.text[this.#index]!
      if (!escaped && DELIMITERS.includes(character)) {
        if (this.#index === start) this.#index++
        break
      }
      escaped = character === '\\' && !escaped
    }
    return this.text.slice(start, this.#index)
  }
}
