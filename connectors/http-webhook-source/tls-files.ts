/**
 * The options of HTTPS for the listener, read from the files that its settings name. They are looked at again while it listens, since
 * certificates are renewed.
 */
import { readFileSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createSecureContext, type TlsOptions } from 'node:tls'
import type { WebhookConfig } from './settings.ts'

type FileSetting = 'listen.ssl.certificate.location' | 'listen.ssl.key.location' | 'listen.ssl.client.ca.location'

/** A file cannot be used: the setting, and what to do. */
export class UnusableFile extends Error {
  override name = 'UnusableFile'
  readonly setting: FileSetting

  constructor(setting: FileSetting, message: string, options?: ErrorOptions) {
    super(message, options)
    this.setting = setting
  }
}

function contentOf(config: WebhookConfig, name: FileSetting): Buffer {
  const path = config[name]!
  try {
    return readFileSync(path)
  } catch (error) {
    throw new UnusableFile(
      name,
      `${path} cannot be read (${(error as NodeJS.ErrnoException).code}): set a file that this worker may read`,
      {
        cause: error,
      },
    )
  }
}

/** Null without HTTPS. Throws UnusableFile. */
export function listenerTls(config: WebhookConfig): TlsOptions | null {
  if (config['listen.ssl.certificate.location'] === null) return null
  const password = config['listen.ssl.key.password']
  const options = {
    cert: contentOf(config, 'listen.ssl.certificate.location'),
    key: contentOf(config, 'listen.ssl.key.location'),
    ...(password !== null && { passphrase: password }),
    ...(config['listen.ssl.client.ca.location'] !== null && {
      ca: contentOf(config, 'listen.ssl.client.ca.location'),
      requestCert: true,
      rejectUnauthorized: true,
    }),
  }
  try {
    createSecureContext(options)
  } catch (error) {
    throw new UnusableFile(
      'listen.ssl.certificate.location',
      `The certificate and its key cannot be used: ${(error as Error).message}. Give both as PEM, and the key's password where it has one`,
      { cause: error },
    )
  }
  return options
}

const FILES: readonly FileSetting[] = ['listen.ssl.certificate.location', 'listen.ssl.key.location', 'listen.ssl.client.ca.location']

/** What tells a file from the one that it has replaced; of one that cannot be read, why. */
const versionOf = (path: string): Promise<string> =>
  stat(path).then(
    ({ mtimeMs, ino, size }) => `${mtimeMs} ${ino} ${size}`,
    (error: NodeJS.ErrnoException) => String(error.code),
  )

/**
 * Looks at the files again and again. `renewed` gets the options of changed ones; `unusable` is told once of each change that has none.
 * Returns a function that ends it.
 */
export function watchListenerTls(
  config: WebhookConfig,
  renewed: (options: TlsOptions) => void,
  unusable: (why: string) => void,
): () => void {
  const paths = FILES.map((name) => config[name]).filter((path) => path !== null)
  const versions = async () => (await Promise.all(paths.map(versionOf))).join('|')
  let known = versions()
  let isEnded = false
  const look = async () => {
    const [before, now] = [await known, await versions()]
    if (isEnded || before === now) return
    known = Promise.resolve(now)
    try {
      renewed(listenerTls(config)!)
    } catch (error) {
      if (!(error instanceof UnusableFile)) throw error
      unusable(error.message)
    }
  }
  let timer = setTimeout(again, config['listen.ssl.reload.interval.ms']).unref()
  async function again() {
    await look()
    if (!isEnded) timer = setTimeout(again, config['listen.ssl.reload.interval.ms']).unref()
  }
  return () => {
    isEnded = true
    clearTimeout(timer)
  }
}
