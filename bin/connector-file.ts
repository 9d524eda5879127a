/**
 * Reads a connector file of `connect --standalone`: .properties, or JSON with the body of POST /connectors or with the config alone, as
 * Kafka's connect-standalone.
 */
import { readFile } from 'node:fs/promises'
import { parseProperties } from '../core/system/java-properties.ts'
import { UserError } from './user-error.ts'

export interface ConnectorFile {
  name: string
  config: Record<string, string>
}

export async function readConnectorFile(path: string): Promise<ConnectorFile> {
  // Editors of Windows write a byte order mark.
  const text = (await readFile(path, 'utf8')).replace(/^\uFEFF/, '')
  const [name, config] = text.trimStart().startsWith('{') ? fromJson(path, text) : fromProperties(path, text)
  if (!name) throw new UserError(`${path} has no connector name: set "name" in it.`)
  return { name, config: { ...config, name } }
}

function fromProperties(path: string, text: string): [string | undefined, Record<string, string>] {
  try {
    const config = parseProperties(text)
    return [config.name, config]
  } catch (cause) {
    throw new UserError(`${path} is neither JSON nor a valid .properties file.`, { cause })
  }
}

function fromJson(path: string, text: string): [string | undefined, Record<string, string>] {
  let value: Record<string, unknown>
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new UserError(`${path} is not valid JSON.`, { cause })
  }
  const { config } = value
  const isRequestBody = typeof config === 'object' && config !== null && !Array.isArray(config)
  const flat = Object.entries(isRequestBody ? config : value)
  const wrong = flat.find(([, inner]) => inner === null || typeof inner === 'object')
  if (wrong) throw new UserError(`${path}: "${wrong[0]}" must be a string, a number or a boolean.`)
  const texts = Object.fromEntries(flat.map(([key, inner]) => [key, String(inner)]))
  const name = isRequestBody && value.name !== undefined ? String(value.name) : texts.name
  return [name, texts]
}
