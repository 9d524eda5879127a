"""Drives librdkafka's transactions for test/conformance/driven-client.ts: a command is a line of JSON on standard input, its answer and
what the readers receive are lines of JSON on standard output. Commands run one after another, each reader in its own thread."""
import json
import sys
import threading

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Producer, TopicPartition

bootstrap = sys.argv[1]
writing = threading.Lock()
producers = {}
readers = {}


def tell(message):
    with writing:
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()


class Reader:
    def __init__(self, name, topic, isolation, group):
        self.name, self.topic, self.next, self.membership, self.stopped = name, topic, {}, None, False
        self.consumer = Consumer({
            "bootstrap.servers": bootstrap, "group.id": group or f"reads-{name}", "isolation.level": isolation, "enable.auto.commit": False,
            "auto.offset.reset": "earliest", "fetch.wait.max.ms": 100,
        })
        if group:
            self.consumer.subscribe([topic])
        else:
            partitions = self.consumer.list_topics(topic, 10).topics[topic].partitions
            self.consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions])
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def read(self):
        while not self.stopped:
            received = []
            for message in self.consumer.consume(500, 0.05):
                if message.error():
                    continue
                self.next[message.partition()] = message.offset() + 1
                received.append(message.value().decode())
            if received:
                # Asked in this thread: while consume() waits, the question from another one is never answered.
                self.membership = self.consumer.consumer_group_metadata()
                tell({"reader": self.name, "values": received})
        self.consumer.close()

    def close(self):
        self.stopped = True
        self.thread.join()


def send(producer, topic, partition, values):
    failed = []
    for value in values:
        producer.produce(topic, value.encode(), partition=partition, on_delivery=lambda error, _: failed.append(error) if error else None)
    producer.flush(20)
    if failed:
        raise KafkaException(failed[0])


def run(command):
    op, name = command["op"], command["name"]
    if op == "openProducer":
        producer = Producer({
            "bootstrap.servers": bootstrap, "transactional.id": command["transactionalId"], "transaction.timeout.ms": command["timeoutMs"],
            "message.timeout.ms": min(command["timeoutMs"], 20000), "linger.ms": 0,
        })
        producer.init_transactions(20)
        producers[name] = producer
    elif op == "begin":
        producers[name].begin_transaction()
    elif op == "send":
        send(producers[name], command["topic"], command["partition"], command["values"])
    elif op == "sendOffsets":
        reader = readers[command["reader"]]
        offsets = [TopicPartition(reader.topic, partition, offset) for partition, offset in reader.next.items()]
        producers[name].send_offsets_to_transaction(offsets, reader.membership, 20)
    elif op == "commit":
        producers[name].commit_transaction(20)
    elif op == "abort":
        producers[name].abort_transaction(20)
    elif op == "closeProducer":
        del producers[name]
    elif op == "openReader":
        readers[name] = Reader(name, command["topic"], command["isolation"], command["group"])
    elif op == "closeReader":
        readers.pop(name).close()
    else:
        raise ValueError(f"no command {op}")


for line in sys.stdin:
    command = json.loads(line)
    try:
        run(command)
        tell({"id": command["id"]})
    except KafkaException as failure:
        error = failure.args[0]
        tell({"id": command["id"], "error": {"name": error.name(), "fatal": error.fatal(), "message": error.str()}})
    except Exception as failure:
        tell({"id": command["id"], "error": {"name": type(failure).__name__, "fatal": False, "message": str(failure)}})
for reader in list(readers.values()):
    reader.close()
