/**
 * Whether the listener could start: its address is one of this machine, its port may be taken, its files can be used. A port that is in use
 * is no problem: this connector may have it.
 */
import { createServer } from 'node:net'
import type { SettingProblem } from '../../connect/sdk/index.ts'
import type { WebhookConfig } from './settings.ts'
import { listenerTls, UnusableFile } from './tls-files.ts'

/** Only the system may refuse one below. */
const FIRST_UNPRIVILEGED_PORT = 1024

export async function checkListener(config: WebhookConfig): Promise<SettingProblem[]> {
  try {
    listenerTls(config)
  } catch (error) {
    if (!(error instanceof UnusableFile)) throw error
    return [{ setting: error.setting, why: error.message }]
  }
  const { 'listen.host': host, 'listen.port': port } = config
  try {
    await listenBriefly(host, port < FIRST_UNPRIVILEGED_PORT ? port : 0)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'EADDRINUSE') return []
    if (code === 'EACCES')
      return [{ setting: 'listen.port', why: `This worker may not listen on port ${port}: set one from ${FIRST_UNPRIVILEGED_PORT}` }]
    return [
      {
        setting: 'listen.host',
        why: `This worker cannot listen on ${host}: ${message}. Set an address of its machine, or 0.0.0.0 for all`,
      },
    ]
  }
  return []
}

const listenBriefly = (host: string, port: number) =>
  new Promise<void>((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(port, host, () => server.close(() => resolve()))
  })
