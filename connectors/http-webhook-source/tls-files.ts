/** The options of HTTPS for the listener, read from the files that its settings name. */
import { readFileSync } from 'node:fs'
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
