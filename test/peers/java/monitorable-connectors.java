/*
 * The monitorable connectors of the stories in test/conformance/connect for Kafka Connect: they note each start and stop in a file, and
 * fail and block as their settings or the files of a test say. monitorable-connectors.ts there has the same for our worker.
 */
package tributary.test;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.Config;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.Task;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.errors.RetriableException;
import org.apache.kafka.connect.sink.SinkConnector;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.sink.SinkTask;
import org.apache.kafka.connect.source.ExactlyOnceSupport;
import org.apache.kafka.connect.source.SourceConnector;
import org.apache.kafka.connect.source.SourceRecord;
import org.apache.kafka.connect.source.SourceTask;
import org.apache.kafka.connect.storage.Converter;
import org.apache.kafka.connect.storage.HeaderConverter;

class MonitorableConnectors {
    private static final long LOOK_MS = 20;

    static void append(Map<String, String> config, String kind, String text) {
        try {
            Files.writeString(Path.of(config.get("monitor") + "." + kind), text, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    static void note(Map<String, String> config, String event) {
        append(config, "events", event + "\n");
    }

    static boolean has(Map<String, String> config, String command) {
        return Files.exists(Path.of(config.get("monitor") + "." + command));
    }

    static void pause(long ms) {
        try {
            Thread.sleep(ms);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    static void waitAt(String place, Map<String, String> config) {
        while (place.equals(config.get("block")) && !has(config, "release")) pause(LOOK_MS);
    }

    static void startConnector(Map<String, String> config) {
        note(config, "connector start");
        waitAt("Connector::start", config);
        if (Boolean.parseBoolean(config.get("fail.connector.start"))) {
            throw new RuntimeException("The connector fails because its config says so");
        }
    }

    static List<Map<String, String>> taskConfigs(Map<String, String> config, int most) {
        int count = config.containsKey("num.tasks") ? Integer.parseInt(config.get("num.tasks")) : most;
        List<Map<String, String>> configs = new ArrayList<>();
        for (int task = 0; task < count; task++) {
            Map<String, String> own = new HashMap<>(config);
            own.put("task.id", Integer.toString(task));
            configs.add(own);
        }
        return configs;
    }

    static void startTask(Map<String, String> config) {
        String task = config.get("task.id");
        note(config, "task " + task + " start");
        waitAt("Task::start", config);
        if (Arrays.asList(config.getOrDefault("fail.tasks", "").split(",")).contains(task)) {
            throw new RuntimeException("The task fails because its config says so");
        }
    }

    static void stopTask(Map<String, String> config) {
        note(config, "task " + config.get("task.id") + " stop");
        waitAt("Task::stop", config);
    }

    static void failOnCommand(Map<String, String> config) {
        if (has(config, "fail-" + config.get("task.id"))) {
            throw new RuntimeException("The task fails because the test says so");
        }
    }

    public static class MonitorableSourceConnector extends SourceConnector {
        private Map<String, String> config;

        @Override
        public Config validate(Map<String, String> given) {
            waitAt("Connector::validate", given);
            return super.validate(given);
        }

        @Override
        public String version() {
            return "1.0";
        }

        @Override
        public void start(Map<String, String> given) {
            config = given;
            startConnector(config);
        }

        @Override
        public Class<? extends Task> taskClass() {
            return MonitorableSourceTask.class;
        }

        @Override
        public List<Map<String, String>> taskConfigs(int most) {
            return MonitorableConnectors.taskConfigs(config, most);
        }

        @Override
        public void stop() {
        }

        @Override
        public ConfigDef config() {
            return new ConfigDef();
        }

        @Override
        public ExactlyOnceSupport exactlyOnceSupport(Map<String, String> given) {
            return ExactlyOnceSupport.SUPPORTED;
        }
    }

    public static class MonitorableSourceTask extends SourceTask {
        private Map<String, String> config;
        private Map<String, String> partition;
        private long n;

        @Override
        public String version() {
            return "1.0";
        }

        @Override
        public void start(Map<String, String> given) {
            config = given;
            partition = Map.of("task.id", config.get("task.id"));
            startTask(config);
            Map<String, Object> offset = context.offsetStorageReader().offset(partition);
            n = offset == null ? 0 : ((Number) offset.get("saved")).longValue();
        }

        @Override
        public List<SourceRecord> poll() {
            waitAt("Task::poll", config);
            failOnCommand(config);
            long most = Long.parseLong(config.getOrDefault("max.messages", Long.toString(Long.MAX_VALUE)));
            long size = Long.parseLong(config.getOrDefault("messages.per.poll", "10"));
            List<SourceRecord> records = new ArrayList<>();
            for (long end = Math.min(n + size, most); n < end; ) {
                n++;
                String place = config.get("task.id") + "-" + n;
                records.add(new SourceRecord(partition, Map.of("saved", n), config.get("topic"), Schema.STRING_SCHEMA, "key-" + place,
                    Schema.STRING_SCHEMA, "value-" + place));
            }
            pause(Long.parseLong(config.getOrDefault("pause.ms", "100")));
            return records.isEmpty() ? null : records;
        }

        @Override
        public void stop() {
            stopTask(config);
        }
    }

    public static class MonitorableSinkConnector extends SinkConnector {
        private Map<String, String> config;

        @Override
        public Config validate(Map<String, String> given) {
            waitAt("Connector::validate", given);
            return super.validate(given);
        }

        @Override
        public String version() {
            return "1.0";
        }

        @Override
        public void start(Map<String, String> given) {
            config = given;
            startConnector(config);
        }

        @Override
        public Class<? extends Task> taskClass() {
            return MonitorableSinkTask.class;
        }

        @Override
        public List<Map<String, String>> taskConfigs(int most) {
            return MonitorableConnectors.taskConfigs(config, most);
        }

        @Override
        public void stop() {
        }

        @Override
        public ConfigDef config() {
            return new ConfigDef();
        }
    }

    public static class MonitorableSinkTask extends SinkTask {
        private Map<String, String> config;
        private int retries;

        @Override
        public String version() {
            return "1.0";
        }

        @Override
        public void start(Map<String, String> given) {
            config = given;
            retries = Integer.parseInt(config.getOrDefault("put.retries", "0"));
            startTask(config);
        }

        @Override
        public void open(Collection<TopicPartition> partitions) {
            waitAt("Task::open", config);
        }

        @Override
        public void close(Collection<TopicPartition> partitions) {
            waitAt("Task::close", config);
        }

        @Override
        public void flush(Map<TopicPartition, OffsetAndMetadata> offsets) {
            waitAt("Task::flush", config);
        }

        @Override
        public void put(Collection<SinkRecord> records) {
            if (records.isEmpty()) return;
            waitAt("Task::put", config);
            failOnCommand(config);
            if (retries-- > 0) {
                context.timeout(100);
                throw new RetriableException("The task takes no records for now because its config says so");
            }
            StringBuilder lines = new StringBuilder();
            for (SinkRecord one : records) {
                if (one.value() != null && one.value().equals(config.get("errant.value"))) {
                    context.errantRecordReporter().report(one, new RuntimeException("The record is errant because the config says so"));
                    continue;
                }
                lines.append(one.topic()).append('-').append(one.kafkaPartition()).append('@').append(one.kafkaOffset());
                lines.append(' ').append(one.value()).append('\n');
            }
            append(config, "records", lines.toString());
        }

        @Override
        public void stop() {
            stopTask(config);
        }
    }

    /** A converter that does nothing: those that extend it cannot be made. */
    public abstract static class BrokenConverter implements Converter, HeaderConverter {
        @Override
        public String version() {
            return "1.0";
        }

        @Override
        public void configure(Map<String, ?> configs) {
        }

        @Override
        public void configure(Map<String, ?> configs, boolean isKey) {
        }

        @Override
        public byte[] fromConnectData(String topic, Schema schema, Object value) {
            return null;
        }

        @Override
        public SchemaAndValue toConnectData(String topic, byte[] value) {
            return SchemaAndValue.NULL;
        }

        @Override
        public byte[] fromConnectHeader(String topic, String key, Schema schema, Object value) {
            return null;
        }

        @Override
        public SchemaAndValue toConnectHeader(String topic, String key, byte[] value) {
            return SchemaAndValue.NULL;
        }

        @Override
        public ConfigDef config() {
            return new ConfigDef();
        }

        @Override
        public void close() {
        }
    }

    public static class PrivateConverter extends BrokenConverter {
        private PrivateConverter() {
        }
    }

    public static class ThrowingConverter extends BrokenConverter {
        public ThrowingConverter() {
            throw new IllegalStateException("The converter cannot be made");
        }
    }
}
