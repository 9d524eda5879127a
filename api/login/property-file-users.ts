/**
 * The users of Kafka Connect's PropertyFileLoginModule: a .properties file with a line `user=password` for each. It is read again when it
 * changes; while it cannot be used the users stay as they were. Only digests of the passwords are kept, and they are compared in constant
 * time, also for a user who does not exist.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { KafkaError } from '../../core/errors.ts'
import type { System } from '../../core/system/index.ts'
import { parseProperties } from '../../core/system/java-properties.ts'

/** How often the file is looked at. */
export const FILE_CHECK_MS = 5_000
/** A file that has changed within this time may not be written to its end: half a line is half a password. */
export const FILE_SETTLE_MS = 1_000
/** Of the file, which is read as a whole. */
const MAX_FILE_BYTES = 4 * 1024 * 1024
const SECRET_BYTES = 32

const problem = (path: string, sentence: string, cause?: unknown): KafkaError =>
  new KafkaError('INVALID_CONFIG', `the file of the users of the REST API, ${path}, ${sentence}`, { cause })

export class PropertyFileUsers {
  readonly #path: string
  readonly #system: Pick<System, 'clock' | 'disk' | 'logger'>
  readonly #passwordOf: (value: string, user: string) => string | null
  readonly #secret: Buffer
  /** For users who do not exist. */
  readonly #nobody: Buffer
  #digests: ReadonlyMap<string, Buffer>
  #signature: string
  /** That of a file that may still be written. */
  #unsettled: string | null = null
  /** Monotonic ms. */
  #checkedAt: number

  /**
   * `passwordOf` reads the password out of the value of a user, null for a user who may not log in: by default it is the whole value.
   * @throws KafkaError INVALID_CONFIG where the file cannot be used.
   */
  constructor(
    path: string,
    system: Pick<System, 'clock' | 'disk' | 'logger' | 'random'>,
    passwordOf: (value: string, user: string) => string | null = (value) => value,
  ) {
    this.#path = path
    this.#passwordOf = passwordOf
    this.#system = system
    this.#secret = system.random.bytes(SECRET_BYTES)
    this.#nobody = system.random.bytes(SECRET_BYTES)
    this.#signature = this.#signatureOfFile()
    this.#digests = this.#read()
    this.#checkedAt = system.clock.monotonic()
  }

  isPassword(user: string, password: string): boolean {
    if (this.#system.clock.monotonic() - this.#checkedAt >= FILE_CHECK_MS) this.#check()
    const expected = this.#digests.get(user)
    const matches = timingSafeEqual(this.#digest(password), expected ?? this.#nobody)
    return matches && expected !== undefined
  }

  #check(): void {
    this.#checkedAt = this.#system.clock.monotonic()
    const signature = this.#signatureOfFile()
    if (signature === this.#signature) return
    if (this.#isBeingWritten() && signature !== this.#unsettled) {
      this.#unsettled = signature
      this.#checkedAt -= FILE_CHECK_MS - FILE_SETTLE_MS
      return
    }
    this.#signature = signature
    const file = this.#path
    try {
      this.#digests = this.#read()
      this.#system.logger.info({ file, users: this.#digests.size }, 'the file of the users of the REST API has changed and was read again')
    } catch (error) {
      const advice = 'the file of the users of the REST API has changed and cannot be used: the users stay as they were; repair it'
      this.#system.logger.error({ file, err: error }, advice)
    }
  }

  /** A file that cannot be looked at has another signature: reading it says why. */
  #signatureOfFile(): string {
    try {
      const stat = this.#system.disk.stat(this.#path)
      return stat ? `${stat.modifiedMs}/${stat.bytes}` : 'missing'
    } catch (error) {
      return `${(error as NodeJS.ErrnoException).code}`
    }
  }

  #isBeingWritten(): boolean {
    try {
      const modifiedMs = this.#system.disk.stat(this.#path)?.modifiedMs
      return modifiedMs !== undefined && this.#system.clock.now() - modifiedMs < FILE_SETTLE_MS
    } catch {
      // Reading it says why it cannot be looked at.
      return false
    }
  }

  #read(): ReadonlyMap<string, Buffer> {
    const users = Object.entries(this.#properties()).flatMap(([user, value]) => {
      const password = this.#passwordOf(value, user)
      return password === null ? [] : [[user, password] as const]
    })
    // Kafka Connect lets everybody in then, so that a file that was cut off by mistake opens the API.
    if (users.length === 0) throw problem(this.#path, 'has no users: add a line user=password')
    return new Map(users.map(([user, password]) => [user, this.#digest(password)]))
  }

  #properties(): Record<string, string> {
    const path = this.#path
    let bytes: Buffer | null
    try {
      const size = this.#system.disk.stat(path)?.bytes ?? 0
      if (size > MAX_FILE_BYTES) throw problem(path, `has ${size} bytes, at most ${MAX_FILE_BYTES} are read`)
      bytes = this.#system.disk.readFile(path)
    } catch (error) {
      if (error instanceof KafkaError) throw error
      throw problem(path, `cannot be read (${(error as NodeJS.ErrnoException).code}): check its permissions`, error)
    }
    if (!bytes) throw problem(path, 'does not exist: check the option "file" of the login module')
    try {
      // Java reads the bytes of such a file as Latin-1; other characters are written as \uXXXX.
      return parseProperties(bytes.toString('latin1'))
    } catch {
      // The message of the parser may have a part of a password.
      throw problem(path, 'is not in the format of .properties: check its escapes, as \\uXXXX')
    }
  }

  #digest(password: string): Buffer {
    return createHmac('sha256', this.#secret).update(password).digest()
  }
}
