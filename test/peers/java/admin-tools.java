// Runs Kafka's command-line tools in one JVM for test/peers/admin-tools.test.ts: a command is a line of JSON on standard input, the class of the
// tool and its arguments; its answer is a line of JSON with what the tool printed and the code that it ended with.
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import org.apache.kafka.common.utils.Exit;

class AdminTools {
    static class Ended extends RuntimeException {
    }

    // Of the tool that runs; null until it ends. A tool that catches its own end would say more than it does in a JVM of its own.
    static Integer code;
    static String text;
    static ByteArrayOutputStream out;

    static void end(int with) {
        if (code != null) return;
        code = with;
        text = out.toString(StandardCharsets.UTF_8);
    }

    static void run(String[] command) throws Exception {
        String[] args = Arrays.copyOfRange(command, 1, command.length);
        try {
            Class.forName(command[0]).getMethod("main", String[].class).invoke(null, (Object) args);
            end(0);
        } catch (InvocationTargetException e) {
            if (!(e.getCause() instanceof Ended)) e.getCause().printStackTrace();
            end(1);
        }
    }

    public static void main(String[] none) throws Exception {
        Exit.setExitProcedure((with, message) -> {
            if (message != null) System.err.println(message);
            end(with);
            throw new Ended();
        });
        ObjectMapper json = new ObjectMapper();
        PrintStream answers = System.out;
        BufferedReader commands = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = commands.readLine(); line != null; line = commands.readLine()) {
            code = null;
            out = new ByteArrayOutputStream();
            PrintStream err = System.err;
            PrintStream kept = new PrintStream(out, true, StandardCharsets.UTF_8);
            System.setOut(kept);
            System.setErr(kept);
            try {
                run(json.readValue(line, String[].class));
            } finally {
                System.setOut(answers);
                System.setErr(err);
            }
            answers.println(json.writeValueAsString(Map.of("code", code, "text", text)));
            answers.flush();
        }
    }
}
