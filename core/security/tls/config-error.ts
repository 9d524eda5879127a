/** What is wrong with a setting of TLS: it names the setting and what to do, never a password. */
import { KafkaError } from '../../errors.ts'

export const configError = (setting: string, sentence: string, cause?: unknown): KafkaError =>
  new KafkaError('INVALID_CONFIG', `${setting}: ${sentence}`, { cause })
