// Runs Kafka Connect's transforms and predicates for the tests beside it. A line of JSON on standard input is a case: `class`, its `config`, and
// `records`, whose keys, values and values of headers are texts in JsonConverter's envelope, or null. A record with an offset is a sink's. The
// answer is a line of JSON: what is wrong with each setting (`invalid`), the error of configure, and a result for each record: the
// record, null where it is dropped, whether a predicate holds, or the exception; `unreadable` and
// `unconvertible` where JsonConverter threw it. The case {"class": …, "define": true} describes the settings.
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigValue;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.connect.connector.ConnectRecord;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.header.ConnectHeaders;
import org.apache.kafka.connect.header.Header;
import org.apache.kafka.connect.header.Headers;
import org.apache.kafka.connect.json.JsonConverter;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.source.SourceRecord;
import org.apache.kafka.connect.transforms.Transformation;
import org.apache.kafka.connect.transforms.predicates.Predicate;

class Transforms {
    // The libraries print to standard output where no log is configured: before any of them is loaded it becomes standard error.
    static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

    static {
        System.setOut(System.err);
    }

    static final ObjectMapper MAPPER = new ObjectMapper();
    static final JsonConverter CONVERTER = new JsonConverter();

    static SchemaAndValue read(JsonNode text) {
        if (text == null || text.isNull()) return SchemaAndValue.NULL;
        return CONVERTER.toConnectData("topic", text.asText().getBytes(StandardCharsets.UTF_8));
    }

    static String write(org.apache.kafka.connect.data.Schema schema, Object value) {
        byte[] bytes = CONVERTER.fromConnectData("topic", schema, value);
        return bytes == null ? null : new String(bytes, StandardCharsets.UTF_8);
    }

    static ConnectRecord<?> record(JsonNode json) {
        Integer partition = json.hasNonNull("partition") ? json.get("partition").asInt() : null;
        Long timestamp = json.hasNonNull("timestamp") ? json.get("timestamp").asLong() : null;
        SchemaAndValue key = read(json.get("key"));
        SchemaAndValue value = read(json.get("value"));
        Headers headers = new ConnectHeaders();
        for (JsonNode header : json.withArray("headers")) headers.add(header.get("key").asText(), read(header.get("value")));
        String topic = json.get("topic").asText();
        if (!json.hasNonNull("offset"))
            return new SourceRecord(Map.of(), Map.of(), topic, partition, key.schema(), key.value(), value.schema(), value.value(), timestamp, headers);
        return new SinkRecord(topic, partition, key.schema(), key.value(), value.schema(), value.value(), json.get("offset").asLong(), timestamp,
            TimestampType.CREATE_TIME, headers);
    }

    static Map<String, Object> show(ConnectRecord<?> record) {
        Map<String, Object> shown = new LinkedHashMap<>();
        shown.put("topic", record.topic());
        shown.put("partition", record.kafkaPartition());
        shown.put("timestamp", record.timestamp());
        shown.put("key", write(record.keySchema(), record.key()));
        shown.put("value", write(record.valueSchema(), record.value()));
        List<Object> headers = new ArrayList<>();
        for (Header header : record.headers()) {
            Map<String, Object> pair = new LinkedHashMap<>();
            pair.put("key", header.key());
            pair.put("value", write(header.schema(), header.value()));
            headers.add(pair);
        }
        shown.put("headers", headers);
        return shown;
    }

    static Map<String, Object> failure(Throwable error) {
        Map<String, Object> shown = new LinkedHashMap<>();
        shown.put("exception", error.getClass().getName());
        shown.put("message", error.getMessage());
        return shown;
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    static Object result(Object plugin, JsonNode json) {
        ConnectRecord<?> record;
        try {
            record = record(json);
        } catch (RuntimeException error) {
            return Map.of("unreadable", failure(error));
        }
        ConnectRecord<?> changed;
        try {
            if (plugin instanceof Predicate predicate) return predicate.test(record);
            changed = ((Transformation) plugin).apply(record);
        } catch (RuntimeException error) {
            return failure(error);
        }
        try {
            return changed == null ? null : show(changed);
        } catch (RuntimeException error) {
            return Map.of("unconvertible", failure(error));
        }
    }

    static List<Object> definitions(ConfigDef settings) {
        List<Object> shown = new ArrayList<>();
        for (ConfigDef.ConfigKey key : settings.configKeys().values()) {
            Map<String, Object> setting = new LinkedHashMap<>();
            setting.put("name", key.name);
            setting.put("type", key.type.name());
            setting.put("required", !key.hasDefault());
            setting.put("default", !key.hasDefault() ? null : ConfigDef.convertToString(key.defaultValue, key.type));
            setting.put("importance", key.importance.name());
            setting.put("group", key.group);
            setting.put("order", key.orderInGroup);
            setting.put("width", key.width.name());
            shown.add(setting);
        }
        return shown;
    }

    static Object answer(JsonNode given) throws Exception {
        Object plugin = Class.forName(given.get("class").asText()).getDeclaredConstructor().newInstance();
        ConfigDef settings = plugin instanceof Predicate<?> predicate ? predicate.config() : ((Transformation<?>) plugin).config();
        if (given.hasNonNull("define")) return definitions(settings);
        Map<String, String> config = new LinkedHashMap<>();
        given.get("config").fields().forEachRemaining((entry) -> config.put(entry.getKey(), entry.getValue().asText()));
        Map<String, Object> invalid = new LinkedHashMap<>();
        for (ConfigValue value : settings.validate(config)) if (!value.errorMessages().isEmpty()) invalid.put(value.name(), value.errorMessages());
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("invalid", invalid);
        try {
            if (plugin instanceof Predicate<?> predicate) predicate.configure(config);
            else ((Transformation<?>) plugin).configure(config);
        } catch (RuntimeException error) {
            answer.put("configure", failure(error));
            return answer;
        }
        List<Object> results = new ArrayList<>();
        for (JsonNode record : given.withArray("records")) results.add(result(plugin, record));
        answer.put("results", results);
        return answer;
    }

    public static void main(String[] args) throws Exception {
        CONVERTER.configure(Map.of("converter.type", "value", "replace.null.with.default", "false"));
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine())
            OUT.println(MAPPER.writeValueAsString(answer(MAPPER.readTree(line))));
    }
}
