/** The types of google/protobuf, google/type and confluent, which a schema may import without a reference. Read when first needed. */
import {
  file_google_protobuf_any,
  file_google_protobuf_api,
  file_google_protobuf_descriptor,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_field_mask,
  file_google_protobuf_source_context,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_type,
  file_google_protobuf_wrappers,
} from '@bufbuild/protobuf/wkt'
import { readDescriptor } from './descriptor-reader.ts'
import { knownTexts } from './google-types.ts'
import { parseProto } from './proto-parser.ts'
import { TypeIndex } from './type-index.ts'

let known: TypeIndex | null = null

export function knownTypes(): TypeIndex {
  if (known) return known
  known = new TypeIndex(null)
  const compiled = [
    file_google_protobuf_any,
    file_google_protobuf_api,
    file_google_protobuf_descriptor,
    file_google_protobuf_duration,
    file_google_protobuf_empty,
    file_google_protobuf_field_mask,
    file_google_protobuf_source_context,
    file_google_protobuf_struct,
    file_google_protobuf_timestamp,
    file_google_protobuf_type,
    file_google_protobuf_wrappers,
  ]
  for (const file of compiled) known.add(readDescriptor(file.proto), null)
  for (const text of knownTexts.values()) known.add(parseProto(text), null)
  return known
}
