/**
 * The output of the demo: a line per event, and on a terminal a progress bar per stage that changes in place. The bars are cleared before a
 * line is printed, and at the end.
 */
const BAR = 28
const HIDE = '\x1b[?25l'
const SHOW = '\x1b[?25h'

export interface Line {
  name: string
  count: number
  of: number
  note?: string
}

export class Progress {
  readonly #out: { write(text: string): unknown }
  readonly #live: boolean
  #lines = 0

  constructor(out: { write(text: string): unknown }, live: boolean) {
    this.#out = out
    this.#live = live
    if (live) out.write(HIDE)
  }

  /** Prints a line that stays. */
  log(text: string): void {
    this.#clear()
    this.#out.write(`${text}\n`)
  }

  /** Shows the progress bars; nothing where lines cannot be rewritten. */
  show(lines: readonly Line[]): void {
    if (!this.#live) return
    this.#clear()
    const width = Math.max(...lines.map(({ name }) => name.length))
    this.#out.write(
      lines
        .map(
          ({ name, count, of, note }) =>
            `  ${name.padEnd(width)} ${bar(count, of)} ${String(count).padStart(6)}${note ? `  ${note}` : ''}\n`,
        )
        .join(''),
    )
    this.#lines = lines.length
  }

  end(): void {
    this.#clear()
    if (this.#live) this.#out.write(SHOW)
  }

  #clear(): void {
    if (this.#lines > 0) this.#out.write(`\x1b[${this.#lines}A\x1b[J`)
    this.#lines = 0
  }
}

function bar(count: number, of: number): string {
  const full = of === 0 ? BAR : Math.min(BAR, Math.floor((BAR * count) / of))
  return '█'.repeat(full) + '░'.repeat(BAR - full)
}
