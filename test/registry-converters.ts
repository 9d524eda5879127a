/**
 * Converters of the schema registry as the worker makes them, against a registry of a test.
 */

import { settled } from '../connect/contract/settled.ts'
import type { Converter, ConverterDeclaration, Schema, SchemaAndValue, Settings } from '../connect/sdk/index.ts'
import { parseSettings } from '../connect/sdk/index.ts'
import { realSystem, type System } from '../core/system/index.ts'

export interface TestedConverter {
  converter: Converter
  write(topic: string, schema: Schema | null, value: unknown): Promise<Buffer | null>
  read(topic: string, bytes: Buffer | null): Promise<SchemaAndValue>
}

export function registryConverter(
  // biome-ignore lint/suspicious/noExplicitAny: the settings of a converter are its own
  declaration: ConverterDeclaration<any>,
  url: string,
  config: Record<string, string> = {},
  { isKey = false, system = realSystem('silent') }: { isKey?: boolean; system?: System } = {},
): TestedConverter {
  const raw = { 'schema.registry.url': url, ...config }
  const converter = declaration.create(parseSettings(declaration.settings as Settings, raw), isKey, { system, raw })
  return {
    converter,
    write: (topic, schema, value) => settled(() => converter.fromConnect(topic, schema, value, [])),
    read: (topic, bytes) => settled(() => converter.toConnect(topic, bytes, [])),
  }
}
