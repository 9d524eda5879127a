// Runs Kafka Connect's converters for the test beside it. A line of JSON on standard input is a case: `class`, its `config`, whether it is for
// a `header`, and the values to write (`write`: texts in JsonConverter's envelope, without a schema where it is null) and to read (`read`:
// base64, or null). The answer is a line of JSON with the bytes in base64 and the values in envelopes, or the exception of each; `configure` has
// the exception of the settings. The case {"class": …, "define": true} describes the settings.
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.json.JsonConverter;
import org.apache.kafka.connect.storage.Converter;
import org.apache.kafka.connect.storage.HeaderConverter;

class Converters {
    static final ObjectMapper MAPPER = new ObjectMapper();
    static final JsonConverter ENVELOPES = new JsonConverter();

    static Map<String, Object> failure(Throwable error) {
        Map<String, Object> shown = new LinkedHashMap<>();
        shown.put("exception", error.getClass().getName());
        shown.put("message", error.getMessage());
        return shown;
    }

    static Object written(Object converter, String text) {
        SchemaAndValue value;
        try {
            value = ENVELOPES.toConnectData("topic", text.getBytes(StandardCharsets.UTF_8));
        } catch (RuntimeException error) {
            return Map.of("unreadable", failure(error));
        }
        try {
            byte[] bytes = converter instanceof HeaderConverter header
                ? header.fromConnectHeader("topic", "header", value.schema(), value.value())
                : ((Converter) converter).fromConnectData("topic", value.schema(), value.value());
            return bytes == null ? null : Base64.getEncoder().encodeToString(bytes);
        } catch (RuntimeException error) {
            return failure(error);
        }
    }

    static Object read(Object converter, JsonNode given) {
        byte[] bytes = given.isNull() ? null : Base64.getDecoder().decode(given.asText());
        SchemaAndValue value;
        try {
            value = converter instanceof HeaderConverter header
                ? header.toConnectHeader("topic", "header", bytes)
                : ((Converter) converter).toConnectData("topic", bytes);
        } catch (RuntimeException error) {
            return failure(error);
        }
        try {
            byte[] text = ENVELOPES.fromConnectData("topic", value.schema(), value.value());
            return text == null ? null : new String(text, StandardCharsets.UTF_8);
        } catch (RuntimeException error) {
            return Map.of("unconvertible", failure(error));
        }
    }

    static Object answer(JsonNode given) throws Exception {
        Object converter = Class.forName(given.get("class").asText()).getDeclaredConstructor().newInstance();
        boolean asHeader = given.hasNonNull("header") && converter instanceof HeaderConverter;
        Map<String, String> config = new LinkedHashMap<>();
        config.put("converter.type", asHeader ? "header" : "value");
        given.get("config").fields().forEachRemaining((entry) -> config.put(entry.getKey(), entry.getValue().asText()));
        Map<String, Object> answer = new LinkedHashMap<>();
        try {
            if (asHeader) ((HeaderConverter) converter).configure(config);
            else ((Converter) converter).configure(config, false);
        } catch (RuntimeException error) {
            answer.put("configure", failure(error));
            return answer;
        }
        List<Object> writes = new ArrayList<>();
        // A class may be both: then it is used as the interface that is asked for.
        Object used = asHeader || !(converter instanceof HeaderConverter) ? converter : new Converter() {
            public void configure(Map<String, ?> settings, boolean isKey) { }
            public byte[] fromConnectData(String topic, org.apache.kafka.connect.data.Schema schema, Object value) {
                return ((Converter) converter).fromConnectData(topic, schema, value);
            }
            public SchemaAndValue toConnectData(String topic, byte[] value) {
                return ((Converter) converter).toConnectData(topic, value);
            }
        };
        for (JsonNode text : given.withArray("write")) writes.add(written(used, text.asText()));
        List<Object> reads = new ArrayList<>();
        for (JsonNode bytes : given.withArray("read")) reads.add(read(used, bytes));
        answer.put("writes", writes);
        answer.put("reads", reads);
        return answer;
    }

    public static void main(String[] args) throws Exception {
        ENVELOPES.configure(Map.of("converter.type", "value", "replace.null.with.default", "false", "decimal.format", "NUMERIC"));
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        // The libraries print to standard output where no log is configured.
        System.setOut(System.err);
        for (String line = lines.readLine(); line != null; line = lines.readLine())
            out.println(MAPPER.writeValueAsString(answer(MAPPER.readTree(line))));
    }
}
