"""Writes and reads records in Avro, JSON Schema and Protobuf with confluent-kafka, through the registry at argv[1]; prints JSON."""
import json
import sys

from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.common.schema_registry_client import AssociationCreateOrUpdateInfo, AssociationCreateOrUpdateRequest
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

url = sys.argv[1]
client = lambda: SchemaRegistryClient({"url": url})
out = {}

avro = json.dumps({"type": "record", "name": "Order", "fields": [{"name": "id", "type": "long"}, {"name": "item", "type": "string", "default": ""}]})
context = lambda topic: SerializationContext(topic, MessageField.VALUE)
message = AvroSerializer(client(), avro)({"id": 7, "item": "tea"}, context("py-avro"))
out["avro"] = AvroDeserializer(client())(message, context("py-avro"))

schema = json.dumps({"title": "Order", "type": "object", "properties": {"id": {"type": "integer"}, "item": {"type": "string"}}})
message = JSONSerializer(schema, client())({"id": 7, "item": "tea"}, context("py-json"))
out["json"] = JSONDeserializer(schema, schema_registry_client=client())(message, context("py-json"))

file = descriptor_pb2.FileDescriptorProto(name="order.proto", package="shop", syntax="proto3")
order = file.message_type.add(name="Order")
order.field.add(name="id", number=1, type=3, label=1)
order.field.add(name="item", number=2, type=9, label=1)
pool = descriptor_pool.DescriptorPool()
pool.Add(file)
Order = message_factory.GetMessageClass(pool.FindMessageTypeByName("shop.Order"))
message = ProtobufSerializer(Order, client(), {"use.deprecated.format": False})(Order(id=7, item="tea"), context("py-proto"))
found = ProtobufDeserializer(Order, {"use.deprecated.format": False}, client())(message, context("py-proto"))
out["protobuf"] = {"id": found.id, "item": found.item}
out["text"] = client().get_latest_version("py-proto-value").schema.schema_str

admin = client()
out["versions"] = [admin.get_latest_version("py-avro-value").version, admin.get_versions("py-avro-value")]
evolved = json.dumps({"type": "record", "name": "Order", "fields": [{"name": "id", "type": "long"}, {"name": "price", "type": "int"}]})
out["compatible"] = admin.test_compatibility("py-avro-value", Schema(evolved, "AVRO"))
try:
    admin.register_schema("py-avro-value", Schema(evolved, "AVRO"))
except SchemaRegistryError as error:
    out["refused"] = [error.http_status_code, error.error_code]
admin.set_compatibility("py-avro-value", "NONE")
out["level"] = admin.get_compatibility("py-avro-value")
out["registered"] = admin.register_schema("py-avro-value", Schema(evolved, "AVRO")) > 0
user = json.dumps({"type": "record", "name": "User", "fields": [{"name": "order", "type": "Order"}]})
reference = SchemaReference("Order", "py-avro-value", 1)
out["references"] = client().get_schema(admin.register_schema("py-user", Schema(user, "AVRO", [reference]))).references[0].subject
out["subjects"] = admin.get_subjects()
out["deleted"] = [admin.delete_subject("py-json-value"), admin.delete_subject("py-json-value", permanent=True)]

admin.register_schema("py-shared", Schema(avro, "AVRO"))
info = AssociationCreateOrUpdateInfo(
    subject="py-shared", association_type="value", lifecycle="WEAK", frozen=False, schema=None, normalize=None
)
admin.create_association(
    AssociationCreateOrUpdateRequest(
        resource_name="py-topic", resource_namespace="lkc-1", resource_id="py-1", resource_type="topic", associations=[info]
    )
)
AvroSerializer(client(), avro)({"id": 7, "item": "tea"}, context("py-topic"))
found = admin.get_associations_by_resource_name("py-topic", "lkc-1", "topic", ["value"])
out["associated"] = [[one.subject for one in found], "py-topic-value" in admin.get_subjects()]
admin.delete_associations("py-1", "topic", ["value"])
out["left"] = admin.get_associations_by_resource_name("py-topic", "-")
print(json.dumps(out))
